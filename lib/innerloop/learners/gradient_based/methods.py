"""The methods of the two papers, and BOIL: seven values of one type."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.runtime.built_in import UPDATE_RULES, named_entry
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.suggestions import instead_of

METHODS: dict[str, Method] = {
    made.name: made
    for made in (
        Method("maml", "MAML"),
        Method("maml_3x", "MAML 3x", step_size_multiplier=3.0),
        Method("anil", "ANIL", adapts="head"),
        Method("boil", "BOIL", adapts="body"),
        Method("scaled_lr", "Scaled LR", update_rule=UPDATE_RULES["scaled_lr"]),
        Method(
            "unit_norm", "Unit norm", update_rule=UPDATE_RULES["unit_norm"], constraint="unit_norm"
        ),
        Method("meta_sgd", "Meta-SGD", learn_step_size=True),
    )
}


def method(name: str, **overrides: Any) -> Method:
    """A built-in method, with some of its values replaced: `method("boil", step_size=0.05)`.

    Args:
        name: `maml`; `maml_3x`, three times its step size; `anil`, which adapts the head alone;
            `boil`, the body alone; `scaled_lr`, steps times the squared norm of the weight;
            `unit_norm`, weights kept at norm 1; or `meta_sgd`, one learned step size per parameter.
        overrides: any values of `Method`; `update_rule` also by the short name of a built-in rule.

    Raises:
        ConfigError: the method or a value's name is unknown, or a value is not allowed.
        InputError: `update_rule` is an object that cannot be imported again.
    """
    if name not in METHODS:
        raise ConfigError(f"method '{name}' is unknown{instead_of(str(name), METHODS)}")
    values = [item.name for item in fields(Method)]
    if unknown := sorted(overrides.keys() - values):
        raise ConfigError(f"a method has no value '{unknown[0]}'{instead_of(unknown[0], values)}")
    if rule := overrides.get("update_rule"):
        overrides["update_rule"] = named_entry("update_rule", rule, UPDATE_RULES)
    return replace(METHODS[name], **overrides)
