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

#: Of the tensors that have each role.
_SHAPES: dict[str, list[tuple[int, ...]]] = {
    "conv_weight": [(4, 3, 3, 3)],
    "conv_bias": [(4,)],
    "norm": [(4,)],
    "head": [(5, 8), (5,)],
}
#: Rules that passed, by what their entry named and the method; it is kept, so that its id stays.
_passed: dict[tuple[int, str], tuple[Any, UpdateRule]] = {}


def rule_of(method: Method) -> UpdateRule:
    """The rule that a method names, with the method's options.

    Raises:
        ExtensionError: it does not exist, is no rule, or does not do what a rule must.
        ConfigError: the method contradicts it.
    """
    found = load_entry(method.update_rule)
    key = (id(found), repr(method))
    if key not in _passed:
        rule = _with_options(found, method)
        _try_rule(rule, method)
        _passed[key] = found, rule
    return _passed[key][1]


def _with_options(found: Any, method: Method) -> UpdateRule:
    """What an entry names, as the rule of a method, with the method's options.

    Args:
        found: an `UpdateRule`, or a function or other callable, which is one of conv weights.
        method: which parameters move, and the rule's options.

    Raises:
        ExtensionError: it is no rule.
        ConfigError: the method contradicts it.
    """
    if isinstance(found, type) or not callable(found):
        raise ExtensionError(
            f"update rule '{method.update_rule}' is no function: {found!r:.60}. Expected is "
            "`rule(weight, gradient, step_size) -> weight`; of a class, name an instance"
        )
    rule = found if isinstance(found, UpdateRule) else update_rule()(found)
    name = method.update_rule.rpartition(":")[2]
    check_moves(method, name, rule.roles)
    taken = _options(rule.function)
    if taken is not None:
        check_options(
            f"update rule '{name}'", "rule_options", taken, {**rule.options, **method.rule_options}
        )
    return replace(rule, options={**rule.options, **method.rule_options})


def _options(function: RuleFunction) -> dict[str, Option] | None:
    """Options of a rule and their defaults; None if it takes any, or does not say."""
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
        ExtensionError: it returns no tensor like the weight, or numbers or derivatives that are not
            finite; or it lets no derivative through that the method is trained by.
    """
    for role in rule.roles:
        if role in method.moving_roles:
            for shape in _SHAPES[role]:
                _try(rule, method, role, shape)


def _try(rule: UpdateRule, method: Method, role: Role, shape: tuple[int, ...]) -> None:
    def refusal(what: str) -> ExtensionError:
        of = f"for a parameter of role {role} and shape {list(shape)}"
        return ExtensionError(f"{rule.place}: {rule.name} {what}; found by trying it {of}")

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
            raise refusal("writes into what it is given; make new tensors")
        of_zero = (
            "" if gradient.any() else " of a gradient of zero, as biases before BatchNorm have"
        )
        if not (moved.isfinite() & again.isfinite()).all():
            raise refusal(f"makes numbers that are not finite{of_zero}")
        known = moved.requires_grad
        found = torch.autograd.grad(moved.sum(), leaves, allow_unused=True) if known else [None] * 3
        if not all(each.isfinite().all() for each in found if each is not None):
            raise refusal(f"has derivatives that are not finite{of_zero}")
    first_order = "training would be first order (say first_order: true if that is meant)"
    lost = {
        "weight": "slow weights would not be trained",
        "gradient": "" if method.first_order else first_order,
        "step size": "step sizes would not be learned" if method.learn_step_size else "",
    }
    for derivative, (name, consequence) in zip(found, lost.items(), strict=True):
        if derivative is None and consequence:
            raise refusal(
                f"lets no derivative by its {name} through, by .detach(), .data, .item() or "
                f"torch.no_grad(), or since it does not use it: {consequence}"
            )
