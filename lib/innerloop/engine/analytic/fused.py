"""Elementwise formulas: on a CPU they run as written, on a GPU each is one kernel.

A GPU takes as long to launch a small kernel as to run it, and a block's derivatives would need a
hundred. So a formula's operations are traced once, into C++ that torch compiles by itself on the
first call (`torch.cuda.jiterator`; no compiler is needed on the machine).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

_Formula = TypeVar("_Formula", bound=Callable[..., Any])

#: The largest number of tensors that jiterator accepts.
_MOST = 8
#: C++ for each function that formulas may call.
_FUNCTIONS: dict[Any, str] = {
    torch.rsqrt: "::rsqrt({})",
    torch.abs: "::fabs({})",
    torch.ones_like: "T(1)",
    torch.copysign: "::copysign({}, {})",
    torch.addcmul: "{} + {} * {}",
    torch.maximum: "{0} >= {1} || {0} != {0} ? {0} : {1}",
    torch.where: "{} ? {} : {}",
    torch.ops.aten.threshold_backward: "{1} <= {2} ? T(0) : {0}",
}


def fused(formula: _Formula) -> _Formula:
    """Decorate a formula of at most 8 tensors, broadcast together, that returns one or more.

    Keyword-only arguments are numbers. Every result must have the shape that the arguments
    broadcast to; none is differentiable. In-place functions may be called on the formula's own
    results, and on an argument that callers no longer need, whose name must not be used again.

    Raises:
        TypeError: it has more than 8 tensors; or, on a GPU or when traced, it calls a function
            without an entry in `_FUNCTIONS`, or branches on a value.
    """
    if len(_tensors(formula)) > _MOST:
        raise TypeError(f"{formula.__name__} has more than {_MOST} tensors, too many for a kernel")

    @functools.cache
    def kernel() -> Callable[..., Any]:
        code, results = source(formula)
        # not among torch's public names yet, but documented since 1.13
        create = torch.cuda.jiterator._create_multi_output_jit_fn
        return create(code, results, **dict.fromkeys(_numbers(formula), 0.0))

    @functools.wraps(formula)
    def call(*tensors: torch.Tensor, **numbers: float) -> Any:
        if tensors[0].is_cuda:
            result = kernel()(*tensors, **{name: float(value) for name, value in numbers.items()})
        else:
            result = formula(*tensors, **numbers)
        return result

    return call  # type: ignore[return-value]


def source(formula: Callable[..., Any]) -> tuple[str, int]:
    """The formula for one element as C++ code, and the number of its results."""
    names, numbers, lines = _tensors(formula), _numbers(formula), list[str]()
    returned = formula(
        *(_Traced(name, lines) for name in names),
        **{name: _Traced(name, lines) for name in numbers},
    )
    results = returned if isinstance(returned, tuple) else (returned,)
    arguments = [f"T {name}" for name in (*names, *numbers)]
    arguments += [f"T& result{number}" for number in range(len(results))]
    lines += [f"result{number} = {value};" for number, value in enumerate(results)]
    head = f"template <typename T> void {formula.__name__}({', '.join(arguments)})"
    return "\n  ".join([f"{head} {{", *lines]) + "\n}", len(results)


class _Traced:
    """A value while its formula is traced: its variable's name, and the code lines so far."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self._name, self._lines = name, lines

    def __str__(self) -> str:
        return self._name

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: Sequence[Any] = (), options: Any = None
    ) -> _Traced:
        traced = next(value for value in arguments if isinstance(value, _Traced))
        text = _FUNCTIONS.get(function)
        if text is None or options:
            raise TypeError(f"a fused formula cannot use {function}: add its C++ to _FUNCTIONS")
        return traced._new(text, *arguments)

    def _new(self, text: str, *values: Any) -> _Traced:
        name = f"value{len(self._lines)}"
        shown = (str(v) if isinstance(v, _Traced) else f"T({float(v)!r})" for v in values)
        self._lines.append(f"T {name} = {text.format(*shown)};")
        return _Traced(name, self._lines)

    def __add__(self, other: Any) -> _Traced:
        return self._new("{} + {}", self, other)

    def __sub__(self, other: Any) -> _Traced:
        return self._new("{} - {}", self, other)

    def __mul__(self, other: Any) -> _Traced:
        return self._new("{} * {}", self, other)

    def __truediv__(self, other: Any) -> _Traced:
        return self._new("{} / {}", self, other)

    def __neg__(self) -> _Traced:
        return self._new("-{}", self)

    def __eq__(self, other: Any) -> _Traced:  # type: ignore[override]
        return self._new("{} == {}", self, other)

    def __lt__(self, other: Any) -> _Traced:
        return self._new("{} < {}", self, other)

    def __ge__(self, other: Any) -> _Traced:
        return self._new("{} >= {}", self, other)

    def __bool__(self) -> bool:
        raise TypeError("a fused formula cannot branch on a value; use torch.where")

    __hash__ = None  # type: ignore[assignment]

    def addcmul_(self, one: Any, other: Any) -> _Traced:
        return self._new("{} + {} * {}", self, one, other)

    def relu_(self) -> _Traced:
        return self._new("{0} <= T(0) ? T(0) : {0}", self)

    add_, mul_ = __add__, __mul__


def _tensors(formula: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(formula).parameters.values()
    return [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]


def _numbers(formula: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(formula).parameters.values()
    return [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
