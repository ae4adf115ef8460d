"""A method is data: which parameters adapt, by which rule, with which step size.

The seven methods of the two papers are seven values of one type. This file imports no torch, so
that study files can be checked while Snakemake parses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias

from innerloop.errors import ConfigError

Adapts: TypeAlias = Literal["all", "head", "body"]
InnerLoss: TypeAlias = Literal["mean", "sum_over_shots"]

#: Short names of the built-in update rules; anything else is an entry such as `my_rule.py:rule`.
UPDATE_RULES: dict[str, str] = {
    "sgd": "innerloop.inner_loop.update_rules.sgd:sgd",
    "scaled_lr": "innerloop.inner_loop.update_rules.scaled_lr:scaled_lr",
    "unit_norm": "innerloop.inner_loop.update_rules.unit_norm:unit_norm",
}


@dataclass(frozen=True)
class Method:
    """How a network adapts to a task.

    Attributes:
        name: what the method is called.
        label: how figures and tables call it.
        update_rule: a built-in rule's name or an entry `file.py:name`.
        rule_options: keyword arguments of the rule.
        adapts: the parameters that move: all, the head only, or the body only.
        adapt_batch_norm: whether gamma and beta move with the body.
        step_size: inner learning rate; a pair [low, high] draws learned step sizes uniformly.
        step_size_multiplier: multiplies the protocol's step size (MAML 3x).
        learn_step_size: one step size per parameter, learned by the outer loop (P2 eq. 3-4).
        constraint: `unit_norm` keeps slow conv weights at norm 1, from the start and after every
            outer step.
        first_order: do not differentiate through the inner gradients.
        inner_loss: `mean` cross-entropy, or `sum_over_shots`: the sum over the support images
            divided by the shots, as in the first MAML code (0.01 there is 0.05 of the mean).
    """

    name: str
    label: str = ""
    update_rule: str = "sgd"
    rule_options: Mapping[str, Any] = field(default_factory=dict)
    adapts: Adapts = "all"
    adapt_batch_norm: bool = True
    step_size: float | tuple[float, float] = 0.01
    step_size_multiplier: float = 1.0
    learn_step_size: bool = False
    constraint: Literal["none", "unit_norm"] = "none"
    first_order: bool = False
    inner_loss: InnerLoss = "mean"

    def __post_init__(self) -> None:
        if isinstance(self.step_size, list | tuple):
            object.__setattr__(self, "step_size", tuple(self.step_size))
            if not self.learn_step_size:
                raise ConfigError(
                    f"method '{self.name}': step_size {self.step_size} is a range, which only "
                    "methods that learn their step sizes can start from; give one number"
                )
        if self.adapts == "head" and not self.adapt_batch_norm:
            raise ConfigError(
                f"method '{self.name}': adapt_batch_norm: false contradicts adapts: head, "
                "under which no gamma or beta moves anyway"
            )
        if self.adapts == "head" and self.update_rule in ("scaled_lr", "unit_norm"):
            raise ConfigError(
                f"method '{self.name}': update rule '{self.update_rule}' is for conv weights, "
                "which do not move under adapts: head"
            )

    @property
    def rule_entry(self) -> str:
        """Where the update rule's code is."""
        return UPDATE_RULES.get(self.update_rule, self.update_rule)

    def as_json(self) -> dict[str, Any]:
        """The method as plain JSON values."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        if isinstance(self.step_size, tuple):
            values["step_size"] = list(self.step_size)
        return {**values, "rule_options": dict(self.rule_options)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Method:
        """The method that `as_json` wrote."""
        return cls(**values)


METHODS: dict[str, Method] = {
    made.name: made
    for made in (
        Method("maml", "MAML"),
        Method("maml_3x", "MAML 3x", step_size_multiplier=3.0),
        Method("anil", "ANIL", adapts="head"),
        Method("boil", "BOIL", adapts="body"),
        Method("scaled_lr", "Scaled LR", update_rule="scaled_lr"),
        Method("unit_norm", "Unit norm", update_rule="unit_norm", constraint="unit_norm"),
        Method("meta_sgd", "Meta-SGD", learn_step_size=True),
    )
}


def method(name: str, **overrides: Any) -> Method:
    """A built-in method, with some of its values replaced.

    Raises:
        ConfigError: the method or a value's name is unknown.
    """
    if name not in METHODS:
        raise ConfigError(f"method '{name}' is unknown; known are {', '.join(METHODS)}")
    unknown = overrides.keys() - {item.name for item in fields(Method)}
    if unknown:
        raise ConfigError(f"method '{name}' has no value named {', '.join(sorted(unknown))}")
    return replace(METHODS[name], **overrides)
