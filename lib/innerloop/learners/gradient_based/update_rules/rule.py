"""The type of an update rule.

A rule is written for ONE task and ONE tensor: `rule(weight, gradient, step_size) -> weight`. The
library adds the task axis, so a rule that takes a norm cannot mix tasks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeAlias

import torch

from innerloop.learners.gradient_based.update_rules.declaration import (
    OFFERED,
    check_offered,
    check_roles,
)
from innerloop.networks.options import Role
from innerloop.networks.parameters import Parameters, layer_of, role_of
from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import GIVEN

RuleFunction = Callable[..., Any]
#: What a rule with a state carries from step to step for one tensor.
RuleState: TypeAlias = torch.Tensor | tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class UpdateRule:
    """A rule and the roles it is for; parameters of other roles take plain gradient steps.

    A rule with `init` has a state, which its function receives and returns updated. Derivatives
    flow through the state as through the weight, so that second-order gradients stay exact.

    Attributes:
        function: `(weight, gradient, step_size, **options) -> weight` for one task's tensor;
            `step_size` is a scalar, or has the weight's shape if each weight learns its own.
            If it has parameters of these names, it also receives `step`, the number of the inner
            step from 0; `conv_weight`, its layer's conv weight before the step; and `state`, in
            which case it returns `(weight, state)`.
        roles: of the parameters that it moves: conv_weight, conv_bias, norm, head.
        options: keyword arguments for the function.
        init: `(weight) -> state` before the first step: a tensor, or a tuple of tensors.

    Raises:
        ExtensionError: a role is unknown; there is a parameter `state` without `init`, or the
            reverse; or the rule wants the conv weight of the head's layer, which has none.
    """

    function: RuleFunction
    roles: Collection[Role]
    options: Mapping[str, Any] = field(default_factory=dict)
    init: Callable[[torch.Tensor], RuleState] | None = None

    def __post_init__(self) -> None:
        check_roles(self.name, self.roles)
        check_offered(self.name, self.roles, self._receives, stateful=self.init is not None)

    def init_state(self, role: Role, weight: torch.Tensor) -> RuleState:
        """The state of one tensor [T, *shape] before the first step; () if the rule has none."""
        init = self.init
        if init is None or role not in self.roles:
            return ()
        state: RuleState = torch.func.vmap(lambda one: self._state(init(one)))(weight)
        return state

    def move(
        self,
        weights: Parameters,
        gradients: Parameters,
        step_sizes: Parameters,
        states: Mapping[str, RuleState],
        step: int,
    ) -> tuple[Parameters, dict[str, RuleState]]:
        """Take one inner step in every parameter that has a gradient.

        Args:
            weights: all parameters, [T, *shape]; those without a gradient are only read.
            gradients: of each task's own loss, [T, *shape].
            step_sizes: [] or [*shape], shared by the tasks.
            states: of the parameters with a gradient, as returned by `init_state` or the last step.
            step: number of the inner step, from 0.

        Returns:
            The parameters with a gradient after the step, and their states.

        Raises:
            ExtensionError: the function asks for the conv weight of a layer that has none.
        """
        conv_weights = {
            layer_of(name): weight
            for name, weight in weights.items()
            if role_of(name) == "conv_weight"
        }
        moved, after = {}, {}
        for name, gradient in gradients.items():
            role, weight, beside = role_of(name), weights[name], conv_weights.get(layer_of(name))
            if beside is None and role in self.roles and "conv_weight" in self._receives:
                raise self._refusal(
                    f"asks for the conv weight of {name}'s layer, which has none; take {role} "
                    "out of its roles, or choose another rule for this network"
                )
            moved[name], after[name] = self.move_tensor(
                role, weight, gradient, step_sizes[name], states[name], step,
                weight if beside is None else beside,
            )  # fmt: skip
        return moved, after

    def __call__(
        self, role: Role, weight: torch.Tensor, gradient: torch.Tensor, step_size: torch.Tensor
    ) -> torch.Tensor:
        """A tensor [T, *shape] after its first step, with itself as its layer's conv weight."""
        state = self.init_state(role, weight)
        return self.move_tensor(role, weight, gradient, step_size, state, 0, weight)[0]

    def move_tensor(
        self,
        role: Role,
        weight: torch.Tensor,
        gradient: torch.Tensor,
        step_size: torch.Tensor,
        state: RuleState,
        step: int,
        conv_weight: torch.Tensor,
    ) -> tuple[torch.Tensor, RuleState]:
        """A parameter [T, *shape] and its state after one step, taken by each task on its own."""
        if role not in self.roles:
            return weight - step_size * gradient, state

        def move_one_task(
            weight: torch.Tensor,
            gradient: torch.Tensor,
            state: RuleState,
            conv_weight: torch.Tensor,
        ) -> tuple[torch.Tensor, RuleState]:
            offered = {"state": state, "step": step, "conv_weight": conv_weight}
            received = {name: offered[name] for name in self._receives}
            returned = self.function(weight, gradient, step_size, **received, **self.options)
            moved, after = (returned, ()) if self.init is None else self._pair(returned)
            return self._like(moved, weight), after

        result: tuple[torch.Tensor, RuleState] = torch.func.vmap(move_one_task)(
            weight, gradient, state, conv_weight
        )
        return result

    @cached_property
    def _receives(self) -> frozenset[str]:
        """Which of `OFFERED` the function has parameters for."""
        try:
            names = [*inspect.signature(self.function).parameters][GIVEN:]
        except (TypeError, ValueError):  # a built-in function without a signature
            names = []
        return OFFERED.intersection(names)

    def _like(self, moved: Any, weight: torch.Tensor) -> torch.Tensor:
        expected = f"Expected: the moved weight, a tensor {list(weight.shape)} of {weight.dtype}"
        if not isinstance(moved, torch.Tensor):
            raise self._refusal(f"returned {moved!r:.40}: is a `return` missing? {expected}")
        if moved.shape != weight.shape or moved.dtype != weight.dtype:
            shape = f"a tensor {list(moved.shape)} of {moved.dtype}"
            raise self._refusal(f"returned {shape}. {expected}")
        return moved

    def _pair(self, returned: Any) -> tuple[Any, RuleState]:
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise self._refusal(
                f"returned a {type(returned).__name__}. Expected: a pair, weight and state"
            )
        return returned[0], self._state(returned[1])

    def _state(self, state: Any) -> RuleState:
        if isinstance(state, torch.Tensor):
            return state
        if isinstance(state, tuple) and all(isinstance(part, torch.Tensor) for part in state):
            return state
        raise self._refusal(
            f"has the state {state!r:.40}. Expected: a tensor, or a tuple of tensors"
        )

    @property
    def name(self) -> str:
        """The function's name."""
        return str(getattr(self._code, "co_name", self.function))

    @property
    def place(self) -> str:
        """The function's file and line."""
        code = self._code
        return f"{code.co_filename}, line {code.co_firstlineno}" if code else "update rule"

    @property
    def _code(self) -> Any:
        """The code object of the function, even if it is a partial or a callable object."""
        function: Any = self.function
        while isinstance(function, partial):
            function = function.func
        function = inspect.unwrap(function)
        if not inspect.isfunction(function):
            function = inspect.getattr_static(type(function), "__call__", None)
        return getattr(function, "__code__", None)

    def _refusal(self, problem: str) -> ExtensionError:
        return ExtensionError(f"{self.place}: {self.name} {problem}")


def update_rule(
    *roles: Role, init: Callable[[torch.Tensor], RuleState] | None = None
) -> Callable[[RuleFunction], UpdateRule]:
    """Declare a function as the update rule of the given roles (default: conv_weight).

    Args:
        roles: conv_weight, conv_bias, norm or head.
        init: `(weight) -> state`, for a rule that has a state.
    """
    if any(map(callable, roles)):
        raise ExtensionError("write @innerloop.update_rule(), with brackets, before the function")
    return lambda function: UpdateRule(function, roles or ("conv_weight",), init=init)
