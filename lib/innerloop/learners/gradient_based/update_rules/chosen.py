"""The rule that a method chooses: loaded, checked, and tried once on small tensors."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import torch

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.update_rules.declaration import OFFERED, check_moves
from innerloop.learners.gradient_based.update_rules.rule import (
    RuleFunction,
    UpdateRule,
    update_rule,
)
from innerloop.networks.options import Role
from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import GIVEN, UNKNOWN, Option, check_options, load_entry

#: Shapes of the tensors on which a rule is tried, by role.
_SHAPES: dict[str, list[tuple[int, ...]]] = {
    "conv_weight": [(4, 3, 3, 3)],
    "conv_bias": [(4,)],
    "norm": [(4,)],
    "head": [(5, 8), (5,)],
}
#: Rules that passed, by the id of the entry's object and the method; the object is kept, too, so
#: that no other can get its id.
_passed: dict[tuple[int, str], tuple[Any, UpdateRule]] = {}


def rule_of(method: Method) -> UpdateRule:
    """The rule that a method names, with the method's options.

    Raises:
        ExtensionError: it does not exist, is not a rule, or fails when it is tried.
        ConfigError: the method contradicts it.
    """
    loaded = load_entry(method.update_rule)
    key = (id(loaded), repr(method))
    if key not in _passed:
        rule = _with_options(loaded, method)
        _try_rule(rule, method)
        _passed[key] = loaded, rule
    return _passed[key][1]


def _with_options(loaded: Any, method: Method) -> UpdateRule:
    """The object that an entry names as an update rule, with the method's options.

    Args:
        loaded: an `UpdateRule`, or a function or other callable, taken as a rule of conv weights.
        method: which parameters move, and the rule's options.

    Raises:
        ExtensionError: it is not a rule.
        ConfigError: the method contradicts it.
    """
    if isinstance(loaded, type) or not callable(loaded):
        raise ExtensionError(
            f"update rule '{method.update_rule}' is not a function: {loaded!r:.60}. Expected: "
            "`rule(weight, gradient, step_size) -> weight`; for a class, name an instance"
        )
    rule = loaded if isinstance(loaded, UpdateRule) else update_rule()(loaded)
    name = method.update_rule.rpartition(":")[2]
    check_moves(method, name, rule.roles)
    taken = _options(rule.function)
    if taken is not None:
        check_options(
            f"update rule '{name}'", "rule_options", taken, {**rule.options, **method.rule_options}
        )
    return replace(rule, options={**rule.options, **method.rule_options})


def _options(function: RuleFunction) -> dict[str, Option] | None:
    """Options of a rule and their defaults; None if it takes any, or has no signature."""
    try:
        arguments = [*inspect.signature(function).parameters.values()][GIVEN:]
    except (TypeError, ValueError):
        return None
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in arguments):
        return None
    return {
        one.name: Option(UNKNOWN if one.default is inspect.Parameter.empty else one.default)
        for one in arguments
        if one.name not in OFFERED
    }


def _try_rule(rule: UpdateRule, method: Method) -> None:
    """Move one small tensor of each role that the rule is for, and differentiate the result.

    Raises:
        ExtensionError: the result is not a tensor like the weight, has values or derivatives that
            are not finite, or lacks a derivative that training needs.
    """
    for role in rule.roles:
        if role in method.moving_roles:
            for shape in _SHAPES[role]:
                _try(rule, method, role, shape)


def _try(rule: UpdateRule, method: Method, role: Role, shape: tuple[int, ...]) -> None:
    def refusal(problem: str) -> ExtensionError:
        tried = f"for a parameter of role {role} and shape {list(shape)}"
        return ExtensionError(f"{rule.place}: {rule.name} {problem}; found by trying it {tried}")

    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False), torch.enable_grad():
        weight, gradient = torch.randn(2, 2, *shape, generator=generator)
        if role == "conv_bias":
            gradient.zero_()  # as before BatchNorm
        size = torch.full(shape if method.learn_step_size == "parameter" else (), 0.01)
        leaves = [tensor.requires_grad_() for tensor in (weight, gradient, size)]
        given = [leaf * 1 for leaf in leaves]
        before, along, rate = given
        beside = torch.randn(2, *_SHAPES["conv_weight"][0], generator=generator)
        state = rule.init_state(role, before)
        moved, state = rule.move_tensor(role, before, along, rate, state, 0, beside)
        again, _ = rule.move_tensor(role, moved, along, rate, state, 1, beside)
        if not all(map(torch.equal, given, leaves)):
            raise refusal("changes its arguments in place; make new tensors")
        case = "" if gradient.any() else " for a gradient of zero, as biases before BatchNorm have"
        if not (moved.isfinite() & again.isfinite()).all():
            raise refusal(f"returns numbers that are not finite{case}")
        derivatives = (
            torch.autograd.grad(moved.sum(), leaves, allow_unused=True)
            if moved.requires_grad
            else [None] * 3
        )
        if not all(each.isfinite().all() for each in derivatives if each is not None):
            raise refusal(f"has derivatives that are not finite{case}")
    first_order = "training would be first order (set first_order: true if that is intended)"
    lost = {
        "weight": "slow weights would not be trained",
        "gradient": "" if method.first_order else first_order,
        "step size": "step sizes would not be learned" if method.learn_step_size else "",
    }
    for derivative, (name, consequence) in zip(derivatives, lost.items(), strict=True):
        if derivative is None and consequence:
            raise refusal(
                f"has no derivative with respect to its {name}, which it does not use or passes "
                f"through .detach(), .data, .item() or torch.no_grad(): {consequence}"
            )
