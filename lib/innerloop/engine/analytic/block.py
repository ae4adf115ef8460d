"""One block of Conv4: output, gradient (vjp), tangent (jvp), and tangent of the gradient.

Second-order methods differentiate the inner gradient. Written by hand, forward over reverse, this
takes a third of autograd's time and keeps nothing between inner steps. With x the block's input, w
its filters, and n pre-activations per task and filter:

    y = conv(x, w)
    xhat = (y - mean y) s,  s = 1 / sqrt(var y + eps)          BatchNorm before gamma and beta
    a = relu(gamma maxpool(xhat) + beta)
    P(v) = s (v - mean v - xhat mean(v xhat))                  its Jacobian, which is symmetric

Max-pooling commutes with nondecreasing functions, so it comes first, and only a quarter of the
elements is ever normalised; a negative gamma is moved into the filters (-w has the normalised
pre-activations -xhat). What P subtracts is affine in y, so every full-size tensor is y times a
number, plus a number, plus pooled elements scattered to the maxima. The bias of a convolution
before BatchNorm cancels and is left out. The tasks are channel groups: images are [N, T * C, H, W],
channels last, and per-channel numbers [1, T * C, 1, 1]. docs/engine.md derives each equation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from innerloop.engine.analytic import block_formulas as formulas
from innerloop.engine.analytic.convolution import (
    BlockInput,
    ConvolutionJVP,
    ConvolutionVJP,
    FeatureMap,
    sums_with,
)


@dataclass(frozen=True)
class BlockParameters:
    """A block's weight [T * C, C', 3, 3], gamma and beta [T * C]; also a gradient or a tangent."""

    weight: torch.Tensor
    gamma: torch.Tensor
    beta: torch.Tensor


@dataclass(frozen=True)
class BlockVJP:
    """What `vjp` saves for `jvp_of_vjp`.

    Attributes:
        da: gradient before the ReLU, pooled.
        dgamma: gradient of gamma's absolute value, per channel.
        dbeta: gradient of beta, per channel.
        convolution: what the convolution saved.
    """

    da: torch.Tensor
    dgamma: torch.Tensor
    dbeta: torch.Tensor
    convolution: ConvolutionVJP


@dataclass(frozen=True)
class BlockJVP:
    """What `jvp` saves for `jvp_of_vjp`.

    Attributes:
        xhat: tangent of the pooled xhat.
        xhat_yt: mean of xhat times y's tangent, per channel.
        v_slope: da's factor in v_t - g v = gamma da_t + (gamma_t - g gamma) da, per channel.
        convolution: what the convolution saved.
    """

    xhat: torch.Tensor
    xhat_yt: torch.Tensor
    v_slope: torch.Tensor
    convolution: ConvolutionJVP


class Block:
    """The forward pass of T tasks through one block, each task with its own parameters.

    Args:
        source: the block's input x.
        parameters: of the block.
        eps: added to the variance.

    Attributes:
        output: a, [N, T * C, H // 2, W // 2].
    """

    def __init__(self, source: BlockInput, parameters: BlockParameters, eps: float) -> None:
        self._sign, self._gamma = formulas.sign_and_size(_per_channel(parameters.gamma))
        pooled, self._convolution = source.convolve(self._signed(parameters.weight))
        self._s = formulas.inverse_deviation(self._convolution.variance, eps=eps)
        self._xhat, self.output = formulas.forward(
            pooled, self._convolution.mean, self._s, self._gamma, _per_channel(parameters.beta)
        )

    def vjp(
        self, grad_output: torch.Tensor, *, weight: bool = True
    ) -> tuple[torch.Tensor | None, BlockParameters | None, BlockVJP]:
        """Gradients with respect to the input and the parameters, given that of the output.

        dy = P(gamma da), where gamma da is zero except at the maxima. Without `weight`, the
        parameters' gradients are left out.
        """
        convolution = self._convolution
        da, v = formulas.backward(grad_output, self.output, self._gamma, self._s)
        dgamma, dbeta = sums_with(da, self._xhat)
        slope, constant, signed_dgamma = formulas.projection(
            self._gamma, self._s, convolution.mean, dgamma, dbeta, self._sign, n=convolution.count
        )
        dx, dw, saved = convolution.vjp(v, slope, constant, weight=weight)
        gradient = None if dw is None else self._parameters(dw, signed_dgamma, dbeta)
        return dx, gradient, BlockVJP(da, dgamma, dbeta, saved)

    def jvp(
        self, x_t: torch.Tensor | None, direction: BlockParameters
    ) -> tuple[torch.Tensor, BlockJVP]:
        """The output's tangent, given those of the input (None: zero) and the parameters.

        xhat_t = P(y_t) and s_t = -s^2 mean(xhat y_t); only xhat_t's pooled elements are needed.
        """
        pooled_t, saved = self._convolution.jvp(x_t, self._signed(direction.weight))
        gamma_t, xhat_yt, v_slope, constant, slope = formulas.channel_jvp(
            _per_channel(direction.gamma), self._sign, self._gamma, self._s,
            saved.mean, saved.covariance,
        )  # fmt: skip
        xhat_t = formulas.xhat_jvp(pooled_t, self._xhat, self._s, constant, slope)
        output_t = formulas.output_jvp(
            xhat_t, self._xhat, self.output, self._gamma, gamma_t, _per_channel(direction.beta)
        )
        return output_t, BlockJVP(xhat_t, xhat_yt, v_slope, saved)

    def jvp_of_vjp(
        self, vjp: BlockVJP, jvp: BlockJVP, grad_output_t: torch.Tensor
    ) -> tuple[torch.Tensor | None, BlockParameters]:
        """The tangents of the gradients that `vjp` returns, given that of the output's gradient.

        With v = gamma da and g = s mean(xhat y_t), the relative growth of 1 / s:
        dy_t = P(v_t - g v) - s (mean(v xhat) xhat_t + mean(v xhat_t) xhat).
        """
        da_t, v = formulas.backward_jvp(
            grad_output_t, self.output, vjp.da, self._gamma, self._s, jvp.v_slope
        )
        da_t_xhat, dbeta_t = sums_with(da_t, self._xhat)
        da_xhat_t, _ = sums_with(vjp.da, jvp.xhat)
        v_xhat, v_sum, signed_dgamma_t = formulas.sums_jvp(
            self._gamma, jvp.v_slope, da_t_xhat, da_xhat_t, vjp.dgamma, dbeta_t, vjp.dbeta,
            self._sign,
        )  # fmt: skip
        slope_t, slope, constant = formulas.projection_jvp(
            self._gamma, self._s, self._convolution.mean, vjp.dgamma, jvp.convolution.mean,
            jvp.xhat_yt, v_xhat, v_sum, n=self._convolution.count,
        )  # fmt: skip
        dx_t, dw_t = self._convolution.jvp_of_vjp(
            vjp.convolution, jvp.convolution, v, slope_t, slope, constant
        )
        return dx_t, self._parameters(dw_t, signed_dgamma_t, dbeta_t)

    def _signed(self, weight: torch.Tensor) -> torch.Tensor:
        return (weight * self._sign.view(-1, 1, 1, 1)).contiguous(memory_format=torch.channels_last)

    def _parameters(
        self, dw: torch.Tensor, dgamma: torch.Tensor, dbeta: torch.Tensor
    ) -> BlockParameters:
        return BlockParameters(self._signed(dw), dgamma.flatten(), dbeta.flatten())


class _BlockOutput(torch.autograd.Function):
    """A block as an autograd function, with its first derivative."""

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
        source = FeatureMap(images, tasks, gradient=ctx.needs_input_grad[0])
        ctx.block = Block(source, BlockParameters(weight, gamma, beta), eps)
        output: torch.Tensor = ctx.block.output
        return output.view_as(output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        # released, so that memory is freed during the backward pass
        block, ctx.block = ctx.block, None
        if block is None:
            raise RuntimeError("this forward pass was already differentiated; compute it again")
        grad_output = grad_output.contiguous(memory_format=torch.channels_last)
        dx, gradient, _ = block.vjp(grad_output)
        return dx, gradient.weight, gradient.gamma, gradient.beta, None, None


def block_output(
    images: torch.Tensor, parameters: BlockParameters, tasks: int, eps: float
) -> torch.Tensor:
    """A block's output [N, T * C, H // 2, W // 2], differentiable once."""
    output: torch.Tensor = _BlockOutput.apply(  # type: ignore[no-untyped-call]
        images, parameters.weight, parameters.gamma, parameters.beta, tasks, eps
    )
    return output


def _per_channel(values: torch.Tensor) -> torch.Tensor:
    """[T * C] -> [1, T * C, 1, 1]."""
    return values.view(1, -1, 1, 1)
