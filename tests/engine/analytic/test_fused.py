"""Formulas are what they say on a CPU, and the same operations as C++ for a GPU."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

from innerloop.engine.analytic import block_formulas, convolution, first_layer_matmul, patches
from innerloop.engine.analytic.fused import fused, source

FORMULAS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in (block_formulas, convolution, first_layer_matmul, patches)
    for name, value in vars(module).items()
    # `fused` alone wraps functions there, but for caches, which are not functions themselves
    if inspect.isfunction(value) and hasattr(value, "__wrapped__")
}


def everything(
    x: torch.Tensor, y: torch.Tensor, *, rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    scale = torch.rsqrt(torch.abs(x) + rate)
    sign = torch.copysign(torch.ones_like(y), y)
    moved = torch.addcmul(-x, scale, sign).addcmul_(x, y).add_(2).mul_(y)
    return torch.ops.aten.threshold_backward(moved / y, x - y, 0), (moved * 1).relu_()


def evaluated(formula: Callable[..., Any], *tensors: torch.Tensor, **numbers: float) -> list:
    """A formula's results by its C++, line by line."""
    code, _ = source(formula)
    head, *lines, _ = code.splitlines()
    names = [part.split()[1] for part in head[head.index("(T ") + 1 :].split(", ")]
    values: dict[str, Any] = dict(zip(names, [*tensors, *numbers.values()], strict=False))
    values |= {
        "T": torch.tensor,
        "fabs": torch.abs,
        "rsqrt": torch.rsqrt,
        "copysign": lambda one, other: torch.copysign(one.to(other), other),
    }

    def value(text: str) -> Any:
        if " ? " in text:
            condition, _, rest = text.partition(" ? ")
            chosen, _, other = rest.partition(" : ")
            any_of = [value(part) for part in condition.split(" || ")]
            found = torch.stack([torch.as_tensor(one).bool() for one in any_of]).any(dim=0)
            return torch.where(found, value(chosen), value(other))
        return eval(text.replace("::", ""), {}, values)

    for line in lines:
        name, _, text = line.strip().removeprefix("T ").removesuffix(";").partition(" = ")
        values[name] = value(text)
    return [values[name] for name in values if name.startswith("result")]


@pytest.mark.parametrize("name", FORMULAS)
def test_its_c_plus_plus_says_the_same(name: str) -> None:
    formula = FORMULAS[name].__wrapped__
    random = torch.Generator().manual_seed(0)
    numbers = {
        key: 3.0
        for key, of in inspect.signature(formula).parameters.items()
        if of.kind is of.KEYWORD_ONLY
    }
    count = len(inspect.signature(formula).parameters) - len(numbers)
    tensors = torch.randn((count, 200), generator=random, dtype=torch.float64)
    if name.startswith("first_layer_matmul") and "where" in inspect.signature(formula).parameters:
        tensors[0] = torch.randint(4, (200,), generator=random)
    if "variance" in inspect.signature(formula).parameters:
        tensors = tensors.abs()
    expected = FORMULAS[name](*tensors.clone(), **numbers)
    expected = expected if isinstance(expected, tuple) else (expected,)
    found = evaluated(formula, *tensors, **numbers)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other.double(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("module", [block_formulas, convolution, first_layer_matmul, patches])
def test_every_formula_is_among_them(module: ModuleType) -> None:
    written = inspect.getsource(module).count("\n@fused\n")
    name = module.__name__.rpartition(".")[2]
    assert sum(formula.startswith(f"{name}.") for formula in FORMULAS) == written > 0


def test_a_formula_is_recorded_operation_by_operation() -> None:
    code, results = source(everything)
    assert results == 2
    assert code.splitlines() == [
        "template <typename T> void everything(T x, T y, T rate, T& result0, T& result1) {",
        "  T value0 = ::fabs(x);",
        "  T value1 = value0 + rate;",
        "  T value2 = ::rsqrt(value1);",
        "  T value3 = T(1);",
        "  T value4 = ::copysign(value3, y);",
        "  T value5 = -x;",
        "  T value6 = value5 + value2 * value4;",
        "  T value7 = value6 + x * y;",
        "  T value8 = value7 + T(2.0);",
        "  T value9 = value8 * y;",
        "  T value10 = value9 / y;",
        "  T value11 = x - y;",
        "  T value12 = value11 <= T(0.0) ? T(0) : value10;",
        "  T value13 = value9 * T(1.0);",
        "  T value14 = value13 <= T(0) ? T(0) : value13;",
        "  result0 = value12;",
        "  result1 = value14;",
        "}",
    ]


def test_a_formula_of_one_result_may_return_it_alone() -> None:
    def half(x: torch.Tensor) -> torch.Tensor:
        return x / 2

    code, results = source(half)
    assert results == 1
    assert "void half(T x, T& result0)" in code


def test_a_formula_of_too_many_tensors_is_refused_at_once() -> None:
    def many(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, i: Any) -> Any:
        return a + b + c + d + e + f + g + h + i

    with pytest.raises(TypeError, match="many has more than 8 tensors"):
        fused(many)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: torch.sigmoid(x), r"cannot use .*sigmoid.*: add its C\+\+ to _FUNCTIONS"),
        (lambda x: torch.addcmul(x, x, x, value=2), "cannot use .*addcmul"),
        (lambda x: x if x < 0 else -x, r"branch on a value; use torch\.where"),
        (lambda x: x != 0, "branch on a value"),
    ],
    ids=["no C++", "options", "if", "not equal"],
)
def test_what_would_mean_something_else_on_a_gpu_is_refused(
    wrong: Callable[..., Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        source(wrong)
