"""Elementwise formulas of a block, each one kernel on a GPU; `block.py` defines the symbols.

Per-channel numbers are [1, T * C, 1, 1], pooled tensors [N, T * C, H // 2, W // 2]. `gamma` is
gamma's absolute value, since its sign is in the filters. `x_t` is the tangent of x: its derivative
along the direction.
"""

from __future__ import annotations

import torch

from innerloop.engine.analytic.fused import fused

_aten = torch.ops.aten


@fused
def sign_and_size(gamma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gamma's sign, which goes into the filters, and its absolute value."""
    return torch.copysign(torch.ones_like(gamma), gamma), torch.abs(gamma)


@fused
def inverse_deviation(variance: torch.Tensor, *, eps: float) -> torch.Tensor:
    """The factor s = 1 / sqrt(var y + eps)."""
    return torch.rsqrt(variance + eps)


@fused
def forward(
    pooled: torch.Tensor,
    mean: torch.Tensor,
    s: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pooled xhat, and the output a."""
    xhat = torch.addcmul(-mean * s, pooled, s)
    return xhat, torch.addcmul(beta, xhat, gamma).relu_()


@fused
def backward(
    grad_output: torch.Tensor, output: torch.Tensor, gamma: torch.Tensor, s: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient da before the ReLU, and s v, to be scattered to the maxima."""
    da = _aten.threshold_backward(grad_output, output, 0)
    return da, da * (gamma * s)


@fused
def projection(
    gamma: torch.Tensor,
    s: torch.Tensor,
    mean: torch.Tensor,
    dgamma: torch.Tensor,
    dbeta: torch.Tensor,
    sign: torch.Tensor,
    *,
    n: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Slope and constant of the part of P that is affine in y, and the signed gamma's gradient."""
    factor = gamma * s / n
    slope = -factor * s * dgamma
    return slope, -factor * dbeta - slope * mean, dgamma * sign


@fused
def channel_jvp(
    direction: torch.Tensor,
    sign: torch.Tensor,
    gamma: torch.Tensor,
    s: torch.Tensor,
    mean_t: torch.Tensor,
    covariance: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """gamma_t, mean(xhat y_t), gamma_t - g gamma, constant and slope.

    The last two are those of xhat_t = s y_t + constant + slope xhat. g = s mean(xhat y_t) is the
    relative growth of 1 / s.
    """
    gamma_t, xhat_yt = direction * sign, covariance * s
    growth = xhat_yt * s
    return gamma_t, xhat_yt, gamma_t - gamma * growth, -mean_t * s, -growth


@fused
def xhat_jvp(
    pooled_t: torch.Tensor,
    xhat: torch.Tensor,
    s: torch.Tensor,
    constant: torch.Tensor,
    slope: torch.Tensor,
) -> torch.Tensor:
    """Pooled xhat_t, from pooled y_t."""
    return torch.addcmul(constant, pooled_t, s).addcmul_(xhat, slope)


@fused
def output_jvp(
    xhat_t: torch.Tensor,
    xhat: torch.Tensor,
    output: torch.Tensor,
    gamma: torch.Tensor,
    gamma_t: torch.Tensor,
    beta_t: torch.Tensor,
) -> torch.Tensor:
    """The output's tangent a_t."""
    before_relu = torch.addcmul(beta_t, xhat, gamma_t).addcmul_(xhat_t, gamma)
    output_t: torch.Tensor = _aten.threshold_backward(before_relu, output, 0)
    return output_t


@fused
def backward_jvp(
    grad_output_t: torch.Tensor,
    output: torch.Tensor,
    da: torch.Tensor,
    gamma: torch.Tensor,
    s: torch.Tensor,
    v_slope: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """da_t, and s (v_t - g v), to be scattered to the maxima."""
    da_t = _aten.threshold_backward(grad_output_t, output, 0)
    return da_t, (da_t * (s * gamma)).addcmul_(da, s * v_slope)


@fused
def sums_jvp(
    gamma: torch.Tensor,
    v_slope: torch.Tensor,
    da_t_xhat: torch.Tensor,
    da_xhat_t: torch.Tensor,
    dgamma: torch.Tensor,
    dbeta_t: torch.Tensor,
    dbeta: torch.Tensor,
    sign: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sum of (v_t - g v) xhat + v xhat_t, sum of v_t - g v, and the signed dgamma's tangent."""
    dgamma_t = da_t_xhat + da_xhat_t
    v_xhat = gamma * dgamma_t + v_slope * dgamma
    return v_xhat, gamma * dbeta_t + v_slope * dbeta, dgamma_t * sign


@fused
def projection_jvp(
    gamma: torch.Tensor,
    s: torch.Tensor,
    mean: torch.Tensor,
    dgamma: torch.Tensor,
    mean_t: torch.Tensor,
    xhat_yt: torch.Tensor,
    v_xhat: torch.Tensor,
    v_sum: torch.Tensor,
    *,
    n: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The tangent of P's affine part: slope of y_t, slope of y, and constant."""
    # dy_t = scattered v + slope_t y_t + of_xhat xhat + the rest, and xhat = (y - mean) s
    s_n = s / n
    slope_t = -s * s_n * gamma * dgamma
    of_xhat = -(s_n * v_xhat + slope_t * xhat_yt)
    slope = of_xhat * s
    return slope_t, slope, -s_n * v_sum - slope_t * mean_t - slope * mean
