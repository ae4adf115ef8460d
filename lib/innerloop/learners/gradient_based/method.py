"""A method is data: which parameters adapt, by which rule, with which step size.

This file imports no torch, so that study files can be checked while Snakemake parses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import entry_of
from innerloop.runtime.field_checks import require_fields

Adapts: TypeAlias = Literal["all", "head", "body"]
InnerLoss: TypeAlias = Literal["mean", "sum_over_shots"]
Constraint: TypeAlias = Literal["none", "unit_norm"]
LearnedStepSizes: TypeAlias = Literal[False, True, "parameter", "layer", "step_and_layer"]


@dataclass(frozen=True)
class Method:
    """How a network adapts to a task.

    A rule that can be imported may be given itself, `update_rule=relative_step`; its entry is kept.
    Short names of rules are those of study files and of `innerloop.method`.

    Attributes:
        name: what the method is called.
        label: how figures and tables call it
        update_rule: sgd, scaled_lr, scaled_lr_layer, unit_norm, or path/to/file.py:name
        rule_options: keyword arguments of the update rule, for example {norm: filter, detach_norm:
            true}
        adapts: which parameters move in the inner loop
        adapt_batch_norm: whether gamma and beta move in the inner loop
        step_size: inner step size: a number (0 and below are allowed), or [low, high] from which
            learned step sizes are drawn
        step_size_multiplier: multiplies the protocol's step size, and its test_step_size
        learn_step_size: step sizes learned by the outer loop: one per single weight (parameter, or
            true: Meta-SGD), per tensor of a layer (layer), or per tensor and inner step
            (step_and_layer: LSLR of MAML++)
        step_size_lower_bound: learned step sizes stay at or above it (0: sparse-ReLU-MAML)
        constraint: held by slow conv weights, from the start and after every outer step
        first_order: do not differentiate through the inner gradients
        inner_loss: mean cross-entropy, or its sum over the support images divided by the shots

    Raises:
        ConfigError: a value is not allowed, or contradicts another.
    """

    name: str
    label: str = ""
    update_rule: str = "innerloop.learners.gradient_based.update_rules.rules:sgd"
    rule_options: Mapping[str, Any] = field(default_factory=dict)
    adapts: Adapts = "all"
    adapt_batch_norm: bool = True
    step_size: float | tuple[float, float] = 0.01
    step_size_multiplier: float = 1.0
    learn_step_size: LearnedStepSizes = False
    step_size_lower_bound: float | None = None
    constraint: Constraint = "none"
    first_order: bool = False
    inner_loss: InnerLoss = "mean"

    def __post_init__(self) -> None:
        object.__setattr__(self, "update_rule", entry_of("update_rule", self.update_rule))
        if isinstance(self.step_size, list):
            object.__setattr__(self, "step_size", tuple(self.step_size))
        if self.step_size_lower_bound == -math.inf:
            object.__setattr__(self, "step_size_lower_bound", None)
        require_fields(self, f"method '{self.name}'")
        if self.learn_step_size is True:
            object.__setattr__(self, "learn_step_size", "parameter")
        self._check_step_size()
        self._check_lower_bound()
        if self.adapts == "head" and not self.adapt_batch_norm:
            raise ConfigError(
                f"method '{self.name}': adapt_batch_norm: false contradicts adapts: head, "
                "under which no gamma or beta moves anyway"
            )

    def _check_step_size(self) -> None:
        size = self.step_size
        if not isinstance(size, tuple):
            return
        if not self.learn_step_size:
            raise ConfigError(
                f"method '{self.name}': step_size {[*size]} is a range, which only "
                "methods that learn their step sizes can start from; give one number"
            )
        if size[0] > size[1]:
            raise ConfigError(
                f"method '{self.name}': step_size {[*size]} is not a range; write [low, high]"
            )

    def _check_lower_bound(self) -> None:
        bound = self.step_size_lower_bound
        if bound is None:
            return
        if not self.learn_step_size:
            raise ConfigError(
                f"method '{self.name}': step_size_lower_bound is for step sizes that are learned; "
                "set learn_step_size to parameter, layer or step_and_layer, or leave it out"
            )
        start = self.step_size if isinstance(self.step_size, tuple) else (self.step_size,)
        if (least := min(self.step_size_multiplier * size for size in start)) < bound:
            raise ConfigError(
                f"method '{self.name}': step sizes start at {least:g}, below their "
                f"step_size_lower_bound of {bound:g}"
            )

    def __repr__(self) -> str:
        """The call that makes it, without default values."""
        plain = Method(self.name)
        values = [(item.name, getattr(self, item.name)) for item in fields(self)]
        own = [(name, value) for name, value in values if value != getattr(plain, name)]
        shown = [repr(self.name), *(f"{name}={value!r}" for name, value in own)]
        return f"Method({', '.join(shown)})"

    @property
    def entry(self) -> str:
        """The entry of the code that it uses, its update rule."""
        return self.update_rule

    @property
    def moving_roles(self) -> frozenset[str]:
        """Roles of the parameters that move in the inner loop."""
        roles = {"head"} if self.adapts != "body" else set()
        if self.adapts != "head":
            roles |= {"conv_weight", "conv_bias"}
            roles |= {"norm"} if self.adapt_batch_norm else set()
        return frozenset(roles)

    def step_size_shape(self, weight: tuple[int, ...], steps: int) -> tuple[int, ...]:
        """Shape of the step sizes of one parameter tensor.

        Args:
            weight: shape of the tensor, without a task axis.
            steps: inner steps while training.
        """
        shapes: dict[Any, tuple[int, ...]] = {"parameter": weight, "step_and_layer": (steps,)}
        return shapes.get(self.learn_step_size, ())


def with_test_step_size(method: Method, step_size: float) -> Method:
    """The method with the step size used on test tasks, which may differ from that of training.

    Raises:
        ConfigError: its step sizes are learned, so that no number can replace them.
    """
    if method.learn_step_size:
        raise ConfigError(
            f"method '{method.name}' learns its step sizes, which test_step_size: {step_size} "
            "would discard; set test_step_size for other variants only, or to null here"
        )
    return replace(method, step_size=step_size)
