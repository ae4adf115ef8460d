"""One block of Conv4, its gradient, and how both move along a direction.

Second-order methods differentiate the inner gradient. Written out, forward over reverse, that costs
a third of what autograd takes and keeps nothing between inner steps. With x the block's input, w
its filters, and n pre-activations per task and filter:

    y = conv(x, w)
    h = (y - m) i,  m = mean y,  i = 1 / sqrt(var y + eps)     BatchNorm before gamma and beta
    a = relu(gamma maxpool(h) + beta)
    P(v) = i (v - mean v - h mean(v h))                        its Jacobian, which is symmetric

Max-pooling commutes with all that rises, so it comes first, and only a quarter of the elements is
ever normalised; a negative gamma is moved into the filters (-w has the normalised pre-activations
-h). What P takes out is affine in y, so that every full-size tensor is y times a number, plus a
number, plus pooled elements put back to their places. The bias of a convolution before BatchNorm
cancels and is left out. Images go side by side, as [N, T * C, H, W] with channels last, and numbers
of a channel are [1, T * C, 1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from innerloop.nets.convolution import BlockInput, Hidden, sums_with
from innerloop.nets.fused import fused

_aten = torch.ops.aten


@dataclass(frozen=True)
class BlockTensors:
    """A block's weight [T * C, C', 3, 3], gamma and beta [T * C]; or what derivatives give them."""

    weight: torch.Tensor
    gamma: torch.Tensor
    beta: torch.Tensor


class BlockPass:
    """T tasks' images on their way through one block, and back.

    After the first one, calls come in this order: `backward`, `tangent`, `tangent_backward`.

    Args:
        source: the block's input x.
        block: its parameters.
        eps: added to the variance.

    Attributes:
        output: a, [N, T * C, H // 2, W // 2].
    """

    def __init__(self, source: BlockInput, block: BlockTensors, eps: float) -> None:
        self._sign, self._gamma = _folded(_numbers(block.gamma))
        pooled, self._convolution = source.filtered(self._signed(block.weight))
        self._mean, self._n = self._convolution.mean, self._convolution.count
        self._i = _inverse_deviation(self._convolution.variance, eps=eps)
        self._hp, self.output = _normalised(
            pooled, self._mean, self._i, self._gamma, _numbers(block.beta)
        )

    def backward(
        self, d_output: torch.Tensor, *, weight: bool = True
    ) -> tuple[torch.Tensor | None, BlockTensors | None]:
        """From the gradient of the output to that of the input and of the parameters.

        d_y = P(gamma d_a), which is zero but where the maxima were. Without `weight` the
        parameters' gradients are left out.
        """
        self._da, v = _entering(d_output, self.output, self._gamma, self._i)
        self._d_gamma, self._d_beta = sums_with(self._da, self._hp)
        slope, constant, d_gamma = _projected(
            self._gamma, self._i, self._mean, self._d_gamma, self._d_beta, self._sign, n=self._n
        )
        dx, dw = self._convolution.backward(v, slope, constant, weight=weight)
        return dx, None if dw is None else self._tensors(dw, d_gamma, self._d_beta)

    def tangent(self, images: torch.Tensor | None, along: BlockTensors) -> torch.Tensor:
        """How the output moves when the input (None: not at all) and the parameters move.

        h' = P(y') and i' = -i^2 mean(h y'), of which only the pooled elements are needed.
        """
        pooled, self._mean_t, covariance = self._convolution.tangent(
            images, self._signed(along.weight)
        )
        gamma_t, self._h_yt, self._v_slope, constant, slope = _tangent_numbers(
            _numbers(along.gamma), self._sign, self._gamma, self._i, self._mean_t, covariance
        )
        self._hpt = _h_tangent(pooled, self._hp, self._i, constant, slope)
        return _output_tangent(
            self._hpt, self._hp, self.output, self._gamma, gamma_t, _numbers(along.beta)
        )

    def tangent_backward(self, d_output: torch.Tensor) -> tuple[torch.Tensor | None, BlockTensors]:
        """How what `backward` gave moves, given how the gradient of the output moves.

        With v = gamma d_a and s the growth of 1 / i:
        d_y' = P(v' - s v) - i (mean(v h) h' + mean(v h') h).
        """
        dat, v = _entering_tangent(
            d_output, self.output, self._da, self._gamma, self._i, self._v_slope
        )
        dat_hp, d_beta = sums_with(dat, self._hp)
        da_hpt, _ = sums_with(self._da, self._hpt)
        v_h, v_sum, d_gamma = _sums_tangent(
            self._gamma, self._v_slope, dat_hp, da_hpt, self._d_gamma, d_beta, self._d_beta,
            self._sign,
        )  # fmt: skip
        tangent_slope, slope, constant = _projected_tangent(
            self._gamma, self._i, self._mean, self._d_gamma, self._mean_t, self._h_yt, v_h, v_sum,
            n=self._n,
        )  # fmt: skip
        dx, dw = self._convolution.tangent_backward(v, tangent_slope, slope, constant)
        return dx, self._tensors(dw, d_gamma, d_beta)

    def _signed(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight * self._sign.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)

    def _tensors(
        self, dw: torch.Tensor, d_gamma: torch.Tensor, d_beta: torch.Tensor
    ) -> BlockTensors:
        return BlockTensors(self._signed(dw), d_gamma.flatten(), d_beta.flatten())


@fused
def _folded(gamma: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Its sign, which goes into the filters, and its size."""
    return torch.copysign(torch.ones_like(gamma), gamma), torch.abs(gamma)


@fused
def _inverse_deviation(variance: torch.Tensor, *, eps: float) -> torch.Tensor:
    return torch.rsqrt(variance + eps)


@fused
def _normalised(
    pooled: torch.Tensor,
    mean: torch.Tensor,
    i: torch.Tensor,
    gamma: torch.Tensor,
    beta: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """H and a."""
    h = torch.addcmul(-mean * i, pooled, i)
    return h, torch.addcmul(beta, h, gamma).relu_()


@fused
def _entering(
    d_output: torch.Tensor, output: torch.Tensor, gamma: torch.Tensor, i: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """D_a where the output is positive, and i v, which goes back to the maxima's places."""
    da = _aten.threshold_backward(d_output, output, 0)
    return da, da * (gamma * i)


@fused
def _projected(
    gamma: torch.Tensor,
    i: torch.Tensor,
    mean: torch.Tensor,
    d_gamma: torch.Tensor,
    d_beta: torch.Tensor,
    sign: torch.Tensor,
    *,
    n: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What P takes out, as slope and constant of y, and gamma's own gradient."""
    factor = gamma * i / n
    slope = -factor * i * d_gamma
    return slope, -factor * d_beta - slope * mean, d_gamma * sign


@fused
def _tangent_numbers(
    along: torch.Tensor,
    sign: torch.Tensor,
    gamma: torch.Tensor,
    i: torch.Tensor,
    mean_t: torch.Tensor,
    covariance: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Gamma', mean(h y'), v' of da, and h' as constant and slope of h."""
    gamma_t, h_yt = along * sign, covariance * i
    growth = h_yt * i
    return gamma_t, h_yt, gamma_t - gamma * growth, -mean_t * i, -growth


@fused
def _h_tangent(
    pooled: torch.Tensor,
    h: torch.Tensor,
    i: torch.Tensor,
    constant: torch.Tensor,
    slope: torch.Tensor,
) -> torch.Tensor:
    return torch.addcmul(constant, pooled, i).addcmul_(h, slope)


@fused
def _output_tangent(
    ht: torch.Tensor,
    h: torch.Tensor,
    output: torch.Tensor,
    gamma: torch.Tensor,
    gamma_t: torch.Tensor,
    beta_t: torch.Tensor,
) -> torch.Tensor:
    moved = torch.addcmul(beta_t, h, gamma_t).addcmul_(ht, gamma)
    found: torch.Tensor = _aten.threshold_backward(moved, output, 0)
    return found


@fused
def _entering_tangent(
    d_output: torch.Tensor,
    output: torch.Tensor,
    da: torch.Tensor,
    gamma: torch.Tensor,
    i: torch.Tensor,
    v_slope: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """How what `_entering` gave moves."""
    dat = _aten.threshold_backward(d_output, output, 0)
    return dat, (dat * (i * gamma)).addcmul_(da, i * v_slope)


@fused
def _sums_tangent(
    gamma: torch.Tensor,
    v_slope: torch.Tensor,
    dat_h: torch.Tensor,
    da_ht: torch.Tensor,
    d_gamma: torch.Tensor,
    dat: torch.Tensor,
    da: torch.Tensor,
    sign: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """How the sums of v h and of v move, and gamma's own gradient."""
    moved = dat_h + da_ht
    return gamma * moved + v_slope * d_gamma, gamma * dat + v_slope * da, moved * sign


@fused
def _projected_tangent(
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
    slope = -(i_n * v_h + tangent_slope * h_yt) * i
    return tangent_slope, slope, -i_n * v_sum - tangent_slope * mean_t - slope * mean


class _Block(torch.autograd.Function):
    """A block that autograd knows the first derivative of."""

    @staticmethod
    def forward(
        ctx: Any,
        images: torch.Tensor,
        weight: torch.Tensor,
        gamma: torch.Tensor,
        beta: torch.Tensor,
        tasks: int,
        eps: float,
    ) -> torch.Tensor:
        tensors = BlockTensors(weight, gamma, beta)
        source = Hidden(images, tasks, gradient=ctx.needs_input_grad[0])
        ctx.here = BlockPass(source, tensors, eps)
        found: torch.Tensor = ctx.here.output
        return found.view_as(found)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        # let go of, so that memory falls on the way back
        here, ctx.here = ctx.here, None
        if here is None:
            raise RuntimeError("this pass was differentiated before; compute it again")
        d_output = d_output.contiguous(memory_format=torch.channels_last)
        dx, of = here.backward(d_output)
        return dx, of.weight, of.gamma, of.beta, None, None


def block_output(images: torch.Tensor, block: BlockTensors, tasks: int, eps: float) -> torch.Tensor:
    """A block's output [N, T * C, H // 2, W // 2], differentiable once by input and parameters."""
    found: torch.Tensor = _Block.apply(  # type: ignore[no-untyped-call]
        images, block.weight, block.gamma, block.beta, tasks, eps
    )
    return found


def _numbers(of_channels: torch.Tensor) -> torch.Tensor:
    """[T * C] -> [1, T * C, 1, 1]."""
    return of_channels.view(1, -1, 1, 1)
