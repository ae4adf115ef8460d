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
        gamma, beta = _numbers(block.gamma), _numbers(block.beta)
        self._sign = torch.where(gamma < 0, -1.0, 1.0).to(gamma)
        self._gamma = gamma.abs()
        pooled, self._convolution = source.filtered(self._signed(block.weight))
        self._mean, self._n = self._convolution.mean, self._convolution.count
        self._i = torch.rsqrt(self._convolution.variance + eps)
        self._hp = torch.addcmul(-self._mean * self._i, pooled, self._i, out=pooled)
        self.output = torch.addcmul(beta, self._hp, self._gamma).relu_()

    def backward(
        self, d_output: torch.Tensor, *, weight: bool = True
    ) -> tuple[torch.Tensor | None, BlockTensors | None]:
        """From the gradient of the output to that of the input and of the parameters.

        d_y = P(gamma d_a), which is zero but where the maxima were. Without `weight` the
        parameters' gradients are left out.
        """
        self._da = self._rectified(d_output)
        self._d_gamma, self._d_beta = sums_with(self._da, self._hp)
        factor = self._gamma * self._i
        slope = -factor * self._i * self._d_gamma / self._n
        constant = -factor * self._d_beta / self._n - slope * self._mean
        dx, dw = self._convolution.backward(self._da * factor, slope, constant, weight=weight)
        return dx, None if dw is None else self._tensors(dw, self._d_gamma, self._d_beta)

    def tangent(self, images: torch.Tensor | None, along: BlockTensors) -> torch.Tensor:
        """How the output moves when the input (None: not at all) and the parameters move.

        h' = P(y') and i' = -i^2 mean(h y'), of which only the pooled elements are needed.
        """
        self._gamma_t = _numbers(along.gamma) * self._sign
        pooled, self._mean_t, covariance = self._convolution.tangent(
            images, self._signed(along.weight)
        )
        i = self._i
        self._h_yt = covariance * i  # mean(h y')
        self._hpt = torch.addcmul(-self._mean_t * i, pooled, i)
        self._hpt.addcmul_(self._hp, -self._h_yt * i)
        moved = torch.addcmul(_numbers(along.beta), self._hp, self._gamma_t)
        return self._rectified(moved.addcmul_(self._hpt, self._gamma))

    def tangent_backward(self, d_output: torch.Tensor) -> tuple[torch.Tensor | None, BlockTensors]:
        """How what `backward` gave moves, given how the gradient of the output moves.

        With v = gamma d_a and s the growth of 1 / i:
        d_y' = P(v' - s v) - i (mean(v h) h' + mean(v h') h).
        """
        i, gamma = self._i, self._gamma
        i_n = i / self._n
        dat = self._rectified(d_output)
        dat_hp, d_beta = sums_with(dat, self._hp)
        da_hpt = _per_channel(self._da * self._hpt)
        rest = self._gamma_t - gamma * self._h_yt * i
        v = (dat * (i * gamma)).addcmul_(self._da, i * rest)
        v_sum = gamma * d_beta + rest * self._d_beta
        v_h = gamma * (dat_hp + da_hpt) + rest * self._d_gamma
        # d_y' = v put back + tangent_slope y' + of_h h + the rest, and h = (y - m) i
        tangent_slope = -i * i_n * gamma * self._d_gamma
        slope = -(i_n * v_h + tangent_slope * self._h_yt) * i
        constant = -i_n * v_sum - tangent_slope * self._mean_t - slope * self._mean
        dx, dw = self._convolution.tangent_backward(v, tangent_slope, slope, constant)
        return dx, self._tensors(dw, dat_hp + da_hpt, d_beta)

    def _rectified(self, v: torch.Tensor) -> torch.Tensor:
        """V where the output is positive."""
        found: torch.Tensor = _aten.threshold_backward(v, self.output, 0)
        return found

    def _signed(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight * self._sign.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)

    def _tensors(
        self, dw: torch.Tensor, d_gamma: torch.Tensor, d_beta: torch.Tensor
    ) -> BlockTensors:
        return BlockTensors(self._signed(dw), (d_gamma * self._sign).flatten(), d_beta.flatten())


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


def _per_channel(v: torch.Tensor) -> torch.Tensor:
    return v.sum(dim=(0, 2, 3), keepdim=True)
