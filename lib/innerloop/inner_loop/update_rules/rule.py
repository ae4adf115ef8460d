"""The type of an update rule.

A rule is written for ONE task and ONE tensor: `rule(weight, gradient, step_size) -> weight`. The
library adds the task axis, so a rule that takes a norm cannot mix tasks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from innerloop.errors import ExtensionError
from innerloop.inner_loop.update_rules.declaration import check_roles
from innerloop.parameters import Role

RuleFunction = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class UpdateRule:
    """A rule and the roles it is for; parameters of other roles take plain gradient steps.

    Attributes:
        function: `(weight, gradient, step_size, **options) -> weight` for one task's tensor;
            `step_size` is a scalar, or has the weight's shape where it is learned.
        roles: parameters it moves: conv_weight, conv_bias, norm, head.
        options: keyword arguments given to the function.

    Raises:
        ExtensionError: no parameter has one of the roles.
    """

    function: RuleFunction
    roles: Collection[Role]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_roles(self.name, self.roles)

    def __call__(
        self, role: Role, weight: torch.Tensor, gradient: torch.Tensor, step_size: torch.Tensor
    ) -> torch.Tensor:
        """Move the tensors [T, *shape] of T tasks, each on its own; the step size is shared."""
        if role not in self.roles:
            return weight - step_size * gradient
        moved: torch.Tensor = torch.func.vmap(self._one_task, in_dims=(0, 0, None))(
            weight, gradient, step_size
        )
        return moved

    def _one_task(
        self, weight: torch.Tensor, gradient: torch.Tensor, step_size: torch.Tensor
    ) -> torch.Tensor:
        moved = self.function(weight, gradient, step_size, **self.options)
        if not isinstance(moved, torch.Tensor):
            raise self._returned(f"{moved!r:.40}: is a `return` missing?", weight)
        if moved.shape != weight.shape or moved.dtype != weight.dtype:
            raise self._returned(f"a tensor {list(moved.shape)} of {moved.dtype}", weight)
        return moved

    @property
    def name(self) -> str:
        """What the function is called."""
        return str(getattr(self._code, "co_name", self.function))

    @property
    def place(self) -> str:
        """Its file and line."""
        code = self._code
        return f"{code.co_filename}, line {code.co_firstlineno}" if code else "update rule"

    @property
    def _code(self) -> Any:
        """Of the function itself, also if it is given as a partial or a callable object."""
        function: Any = self.function
        while isinstance(function, partial):
            function = function.func
        function = inspect.unwrap(function)
        if not inspect.isfunction(function):
            function = inspect.getattr_static(type(function), "__call__", None)
        return getattr(function, "__code__", None)

    def _returned(self, what: str, weight: torch.Tensor) -> ExtensionError:
        return ExtensionError(
            f"{self.place}: {self.name} returned {what}. "
            f"Expected is the moved weight: a tensor {list(weight.shape)} of {weight.dtype}"
        )


def update_rule(*roles: Role) -> Callable[[RuleFunction], UpdateRule]:
    """Declare a function as the update rule of the given roles (default: conv_weight)."""
    return lambda function: UpdateRule(function, roles or ("conv_weight",))
