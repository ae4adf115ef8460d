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

from innerloop.engine.analytic import block_formulas as formulas
from innerloop.engine.analytic.convolution import BlockInput, Hidden, sums_with


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
        self._sign, self._gamma = formulas.folded(_numbers(block.gamma))
        pooled, self._convolution = source.filtered(self._signed(block.weight))
        self._mean, self._n = self._convolution.mean, self._convolution.count
        self._i = formulas.inverse_deviation(self._convolution.variance, eps=eps)
        self._hp, self.output = formulas.normalised(
            pooled, self._mean, self._i, self._gamma, _numbers(block.beta)
        )

    def backward(
        self, d_output: torch.Tensor, *, weight: bool = True
    ) -> tuple[torch.Tensor | None, BlockTensors | None]:
        """From the gradient of the output to that of the input and of the parameters.

        d_y = P(gamma d_a), which is zero but where the maxima were. Without `weight` the
        parameters' gradients are left out.
        """
        self._da, v = formulas.entering(d_output, self.output, self._gamma, self._i)
        self._d_gamma, self._d_beta = sums_with(self._da, self._hp)
        slope, constant, d_gamma = formulas.projected(
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
        gamma_t, self._h_yt, self._v_slope, constant, slope = formulas.tangent_numbers(
            _numbers(along.gamma), self._sign, self._gamma, self._i, self._mean_t, covariance
        )
        self._hpt = formulas.h_tangent(pooled, self._hp, self._i, constant, slope)
        return formulas.output_tangent(
            self._hpt, self._hp, self.output, self._gamma, gamma_t, _numbers(along.beta)
        )

    def tangent_backward(self, d_output: torch.Tensor) -> tuple[torch.Tensor | None, BlockTensors]:
        """How what `backward` gave moves, given how the gradient of the output moves.

        With v = gamma d_a and s the growth of 1 / i:
        d_y' = P(v' - s v) - i (mean(v h) h' + mean(v h') h).
        """
        dat, v = formulas.entering_tangent(
            d_output, self.output, self._da, self._gamma, self._i, self._v_slope
        )
        dat_hp, d_beta = sums_with(dat, self._hp)
        da_hpt, _ = sums_with(self._da, self._hpt)
        v_h, v_sum, d_gamma = formulas.sums_tangent(
            self._gamma, self._v_slope, dat_hp, da_hpt, self._d_gamma, d_beta, self._d_beta,
            self._sign,
        )  # fmt: skip
        tangent_slope, slope, constant = formulas.projected_tangent(
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
