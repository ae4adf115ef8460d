"""Elementwise formulas: on a CPU as they are written, on a GPU one kernel each.

A GPU takes as long to start a small kernel as to run it, and a block's derivatives are a hundred of
them. So a formula's operations are recorded once, as C++ that torch compiles by itself when it is
first called (`torch.cuda.jiterator`; no compiler is needed on the machine).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

_Formula = TypeVar("_Formula", bound=Callable[..., Any])

#: What jiterator takes.
_MOST = 8
#: C++ of what formulas may call.
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
    """A formula of at most 8 tensors, broadcast against each other, to one or a tuple of tensors.

    Keyword-only arguments are numbers. Every result must have the shape that the arguments
    broadcast to; none is differentiable. What works in place may be called on the formula's own
    results, and on an argument that callers give up, whose name must not be used again.

    Raises:
        TypeError: it has more than 8 tensors; on a GPU, or when it is recorded: it uses what has no
            entry in `_FUNCTIONS`, or decides by a value.
    """
    if len(_tensors(formula)) > _MOST:
        raise TypeError(f"{formula.__name__} has more than {_MOST} tensors, too many for a kernel")

    @functools.cache
    def kernel() -> Callable[..., Any]:
        code, results = source(formula)
        # not in torch's public names yet, but documented since 1.13
        create = torch.cuda.jiterator._create_multi_output_jit_fn
        return create(code, results, **dict.fromkeys(_numbers(formula), 0.0))

    @functools.wraps(formula)
    def call(*tensors: torch.Tensor, **numbers: float) -> Any:
        if tensors[0].is_cuda:
            found = kernel()(*tensors, **{name: float(value) for name, value in numbers.items()})
        else:
            found = formula(*tensors, **numbers)
        return found

    return call  # type: ignore[return-value]


def source(formula: Callable[..., Any]) -> tuple[str, int]:
    """The formula of one element as C++, and the number of its results."""
    names, numbers, lines = _tensors(formula), _numbers(formula), list[str]()
    found = formula(
        *(_Recorded(name, lines) for name in names),
        **{name: _Recorded(name, lines) for name in numbers},
    )
    results = found if isinstance(found, tuple) else (found,)
    arguments = [f"T {name}" for name in (*names, *numbers)]
    arguments += [f"T& result{number}" for number in range(len(results))]
    lines += [f"result{number} = {value};" for number, value in enumerate(results)]
    head = f"template <typename T> void {formula.__name__}({', '.join(arguments)})"
    return "\n  ".join([f"{head} {{", *lines]) + "\n}", len(results)


class _Recorded:
    """A value while its formula is recorded: a variable's name, and the lines so far."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self._name, self._lines = name, lines

    def __str__(self) -> str:
        return self._name

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: Sequence[Any] = (), options: Any = None
    ) -> _Recorded:
        recorded = next(value for value in arguments if isinstance(value, _Recorded))
        text = _FUNCTIONS.get(function)
        if text is None or options:
            raise TypeError(f"a fused formula cannot use {function}: say in _FUNCTIONS what it is")
        return recorded._new(text, *arguments)

    def _new(self, text: str, *values: Any) -> _Recorded:
        name = f"value{len(self._lines)}"
        shown = (str(v) if isinstance(v, _Recorded) else f"T({float(v)!r})" for v in values)
        self._lines.append(f"T {name} = {text.format(*shown)};")
        return _Recorded(name, self._lines)

    def __add__(self, other: Any) -> _Recorded:
        return self._new("{} + {}", self, other)

    def __sub__(self, other: Any) -> _Recorded:
        return self._new("{} - {}", self, other)

    def __mul__(self, other: Any) -> _Recorded:
        return self._new("{} * {}", self, other)

    def __truediv__(self, other: Any) -> _Recorded:
        return self._new("{} / {}", self, other)

    def __neg__(self) -> _Recorded:
        return self._new("-{}", self)

    def __eq__(self, other: Any) -> _Recorded:  # type: ignore[override]
        return self._new("{} == {}", self, other)

    def __lt__(self, other: Any) -> _Recorded:
        return self._new("{} < {}", self, other)

    def __ge__(self, other: Any) -> _Recorded:
        return self._new("{} >= {}", self, other)

    def __bool__(self) -> bool:
        raise TypeError("a fused formula cannot decide by a value; use torch.where")

    __hash__ = None  # type: ignore[assignment]

    def addcmul_(self, one: Any, other: Any) -> _Recorded:
        return self._new("{} + {} * {}", self, one, other)

    def relu_(self) -> _Recorded:
        return self._new("{0} <= T(0) ? T(0) : {0}", self)

    add_, mul_ = __add__, __mul__


def _tensors(formula: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(formula).parameters.values()
    return [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]


def _numbers(formula: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(formula).parameters.values()
    return [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
