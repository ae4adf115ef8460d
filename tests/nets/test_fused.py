"""Formulas are what they say on a CPU, and the same operations as C++ for a GPU."""

from __future__ import annotations

import pytest
import torch

from innerloop.nets.fused import fused, source


def everything(
    x: torch.Tensor, y: torch.Tensor, *, rate: float
) -> tuple[torch.Tensor, torch.Tensor]:
    scale = torch.rsqrt(torch.abs(x) + rate)
    sign = torch.copysign(torch.ones_like(y), y)
    moved = torch.addcmul(-x, scale, sign).addcmul_(x, y).add_(2).mul_(y)
    return torch.ops.aten.threshold_backward(moved / y, x - y, 0), (moved * 1).relu_()


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


def test_on_a_cpu_it_is_the_formula_itself() -> None:
    x, y = torch.randn(2, 3, 4, dtype=torch.float64)
    expected = everything(x.clone(), y, rate=0.5)
    torch.testing.assert_close(fused(everything)(x.clone(), y, rate=0.5), expected)


def test_a_formula_of_one_result_may_return_it_alone() -> None:
    def half(x: torch.Tensor) -> torch.Tensor:
        return x / 2

    code, results = source(half)
    assert results == 1
    assert "void half(T x, T& result0)" in code


def test_what_has_no_c_plus_plus_is_named() -> None:
    def wrong(x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x)

    with pytest.raises(TypeError, match=r"cannot use .*sigmoid.*: say in _FUNCTIONS"):
        source(wrong)
