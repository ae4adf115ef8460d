"""Elementwise formulas of a block, each one kernel on a GPU; `block.py` has the symbols.

Numbers of a channel are [1, T * C, 1, 1], tensors of pooled elements [N, T * C, H // 2, W // 2].
Gamma is its size, the sign being in the filters. A name with a `t` in the end, or before its `_`,
is how something moves along a direction: dat is that of da.
"""

from __future__ import annotations

import torch

from innerloop.engine.analytic.fused import fused

_aten = torch.ops.aten


@fused
def folded(gamma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Its sign, which goes into the filters, and its size."""
    return torch.copysign(torch.ones_like(gamma), gamma), torch.abs(gamma)


@fused
def inverse_deviation(variance: torch.Tensor, *, eps: float) -> torch.Tensor:
    """The factor i."""
    return torch.rsqrt(variance + eps)


@fused
def normalised(
    pooled: torch.Tensor,
    mean: torch.Tensor,
    i: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pooled h, and the output a."""
    h = torch.addcmul(-mean * i, pooled, i)
    return h, torch.addcmul(beta, h, gamma).relu_()


@fused
def entering(
    d_output: torch.Tensor, output: torch.Tensor, gamma: torch.Tensor, i: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the output is positive d_a, and i v, which goes back to the maxima's places."""
    da = _aten.threshold_backward(d_output, output, 0)
    return da, da * (gamma * i)


@fused
def projected(
    gamma: torch.Tensor,
    i: torch.Tensor,
    mean: torch.Tensor,
    d_gamma: torch.Tensor,
    d_beta: torch.Tensor,
    sign: torch.Tensor,
    *,
    n: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What P takes out, as slope and constant of y, and the gradient of gamma with its sign."""
    factor = gamma * i / n
    slope = -factor * i * d_gamma
    return slope, -factor * d_beta - slope * mean, d_gamma * sign


@fused
def tangent_numbers(
    along: torch.Tensor,
    sign: torch.Tensor,
    gamma: torch.Tensor,
    i: torch.Tensor,
    mean_t: torch.Tensor,
    covariance: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gamma', mean(h y'), v' as slope of d_a, and h' = i y' + constant + slope h."""
    gamma_t, h_yt = along * sign, covariance * i
    growth = h_yt * i
    return gamma_t, h_yt, gamma_t - gamma * growth, -mean_t * i, -growth


@fused
def h_tangent(
    pooled: torch.Tensor,
    h: torch.Tensor,
    i: torch.Tensor,
    constant: torch.Tensor,
    slope: torch.Tensor,
) -> torch.Tensor:
    """Pooled h', from pooled y'."""
    return torch.addcmul(constant, pooled, i).addcmul_(h, slope)


@fused
def output_tangent(
    ht: torch.Tensor,
    h: torch.Tensor,
    output: torch.Tensor,
    gamma: torch.Tensor,
    gamma_t: torch.Tensor,
    beta_t: torch.Tensor,
) -> torch.Tensor:
    """How the output moves: a'."""
    moved = torch.addcmul(beta_t, h, gamma_t).addcmul_(ht, gamma)
    found: torch.Tensor = _aten.threshold_backward(moved, output, 0)
    return found


@fused
def entering_tangent(
    d_output: torch.Tensor,
    output: torch.Tensor,
    da: torch.Tensor,
    gamma: torch.Tensor,
    i: torch.Tensor,
    v_slope: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """How what `entering` gave moves."""
    dat = _aten.threshold_backward(d_output, output, 0)
    return dat, (dat * (i * gamma)).addcmul_(da, i * v_slope)


@fused
def sums_tangent(
    gamma: torch.Tensor,
    v_slope: torch.Tensor,
    dat_h: torch.Tensor,
    da_ht: torch.Tensor,
    d_gamma: torch.Tensor,
    d_beta_t: torch.Tensor,
    d_beta: torch.Tensor,
    sign: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How the sums of v h and of v move, and the gradient of gamma with its sign."""
    d_gamma_t = dat_h + da_ht
    v_h = gamma * d_gamma_t + v_slope * d_gamma
    return v_h, gamma * d_beta_t + v_slope * d_beta, d_gamma_t * sign


@fused
def projected_tangent(
    gamma: torch.Tensor,
    i: torch.Tensor,
    mean: torch.Tensor,
    d_gamma: torch.Tensor,
    mean_t: torch.Tensor,
    h_yt: torch.Tensor,
    v_h: torch.Tensor,
    v_sum: torch.Tensor,
    *,
    n: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How what P takes out moves: slope of y', slope of y, and constant."""
    # d_y' = v put back + tangent_slope y' + of_h h + the rest, and h = (y - m) i
    i_n = i / n
    tangent_slope = -i * i_n * gamma * d_gamma
    of_h = -(i_n * v_h + tangent_slope * h_yt)
    slope = of_h * i
    return tangent_slope, slope, -i_n * v_sum - tangent_slope * mean_t - slope * mean
