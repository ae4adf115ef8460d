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
import torch.nn.functional as F

_aten = torch.ops.aten
_POOLING = ([2, 2], [2, 2], [0, 0], [1, 1], False)
_CONVOLUTION = ([1, 1], [1, 1], [1, 1], False, [0, 0])


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
        images: the block's input x, [N, T * C', H, W], channels last.
        block: its parameters.
        tasks: T.
        eps: added to the variance.
        input_gradient: whether the input's gradient is wanted; the first block does without.

    Attributes:
        output: a, [N, T * C, H // 2, W // 2].
    """

    def __init__(
        self,
        images: torch.Tensor,
        block: BlockTensors,
        tasks: int,
        eps: float,
        input_gradient: bool,
    ) -> None:
        self._tasks, self._input_gradient = tasks, input_gradient
        gamma, beta = block.gamma.view(1, -1, 1, 1), block.beta.view(1, -1, 1, 1)
        self._sign = torch.where(gamma < 0, -1.0, 1.0).to(gamma)
        self._x, self._w, self._gamma = images, self._signed(block.weight), gamma.abs()
        self._y = F.conv2d(images, self._w, padding=1, groups=tasks)
        self._n = self._y.numel() // self._y.shape[1]
        mean, variance = mean_and_variance(self._y)
        self._mean = mean.view(1, -1, 1, 1)
        self._i = torch.rsqrt(variance + eps).view(1, -1, 1, 1)
        pooled, self._where = _aten.max_pool2d_with_indices(self._y, *_POOLING)
        self._hp = torch.addcmul(-self._mean * self._i, pooled, self._i)
        self.output = torch.addcmul(beta, self._hp, self._gamma).relu_()

    def backward(
        self, d_output: torch.Tensor, *, weight: bool = True
    ) -> tuple[torch.Tensor, BlockTensors | None]:
        """From the gradient of the output to that of the input and of the parameters.

        d_y = P(gamma d_a), which is zero but where the maxima were. Without `weight` the
        parameters' gradients are left out.
        """
        self._da = self._rectified(d_output)
        self._d_gamma, self._d_beta = _per_channel(self._da * self._hp), _per_channel(self._da)
        factor = self._gamma * self._i
        slope = -factor * self._i * self._d_gamma / self._n
        self._dy = self._unpool(self._da * factor)
        self._dy.addcmul_(self._y, slope)
        self._dy.sub_(factor * self._d_beta / self._n + slope * self._mean)
        dx, dw = self._convolution_backward(self._dy, self._x, self._w, weight=weight)
        if not weight:
            return dx, None
        return dx, self._tensors(dw, self._d_gamma, self._d_beta)

    def tangent(self, images: torch.Tensor | None, along: BlockTensors) -> torch.Tensor:
        """How the output moves when the input (None: not at all) and the parameters move.

        h' = P(y') and i' = -i^2 mean(h y'), of which only the pooled elements are needed.
        """
        self._xt, self._wt = images, self._signed(along.weight)
        self._gamma_t = along.gamma.view(1, -1, 1, 1) * self._sign
        self._yt = F.conv2d(self._x, self._wt, padding=1, groups=self._tasks)
        if images is not None:
            self._yt += F.conv2d(images, self._w, padding=1, groups=self._tasks)
        # BatchNorm's backward pass gives both sums in one reading
        _, yt_h, yt_sum = _aten.native_batch_norm_backward(
            self._yt, self._y, None, None, None, self._mean.flatten(), self._i.flatten(),
            True, 0.0, [False, True, True],
        )  # fmt: skip
        self._yt_h, self._yt_sum = yt_h.view(1, -1, 1, 1), yt_sum.view(1, -1, 1, 1)
        i_n = self._i / self._n
        self._hpt = self._pooled(self._yt).mul_(self._i)
        self._hpt.addcmul_(self._hp, -self._yt_h * i_n).sub_(self._yt_sum * i_n)
        moved = torch.addcmul(along.beta.view(1, -1, 1, 1), self._hp, self._gamma_t)
        return self._rectified(moved.addcmul_(self._hpt, self._gamma))

    def tangent_backward(self, d_output: torch.Tensor) -> tuple[torch.Tensor, BlockTensors]:
        """How what `backward` gave moves, given how the gradient of the output moves.

        With v = gamma d_a and s the growth of 1 / i:
        d_y' = P(v' - s v) - i (mean(v h) h' + mean(v h') h).
        """
        n, i, gamma = self._n, self._i, self._gamma
        dat = self._rectified(d_output)
        da_hpt, dat_hp = _per_channel(self._da * self._hpt), _per_channel(dat * self._hp)
        d_beta = _per_channel(dat)
        rest = self._gamma_t - gamma * self._yt_h * i / n
        v = (dat * (i * gamma)).addcmul_(self._da, i * rest)
        v_sum = gamma * d_beta + rest * self._d_beta
        v_h = gamma * dat_hp + rest * self._d_gamma
        # d_y' = unpool(v) + of_yt y' + of_h h + constant, and h = (y - m) i
        of_yt = -i.square() * gamma * self._d_gamma / n
        of_h = -i * (v_h + gamma * da_hpt) / n - of_yt * self._yt_h / n
        constant = -i * v_sum / n - of_yt * self._yt_sum / n
        dyt = self._unpool(v).addcmul_(self._yt, of_yt)
        dyt.addcmul_(self._y, of_h * i).add_(constant - of_h * i * self._mean)
        dx, dw = self._convolution_backward(dyt, self._x, self._w)
        if self._input_gradient:
            dx += self._convolution_backward(self._dy, self._x, self._wt, weight=False)[0]
        if self._xt is not None:
            dw += self._convolution_backward(self._dy, self._xt, self._w, image=False)[1]
        return dx, self._tensors(dw, dat_hp + da_hpt, d_beta)

    def _convolution_backward(
        self,
        dy: torch.Tensor,
        x: torch.Tensor,
        w: torch.Tensor,
        *,
        image: bool = True,
        weight: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        wanted = [image and self._input_gradient, weight, False]
        dx, dw, _ = _aten.convolution_backward(dy, x, w, None, *_CONVOLUTION, self._tasks, wanted)
        return dx, dw

    def _rectified(self, v: torch.Tensor) -> torch.Tensor:
        """V where the output is positive."""
        found: torch.Tensor = _aten.threshold_backward(v, self.output, 0)
        return found

    def _unpool(self, v: torch.Tensor) -> torch.Tensor:
        """Pooled elements back to where their maxima were, among zeros."""
        found: torch.Tensor = _aten.max_pool2d_with_indices_backward(
            v, self._y, *_POOLING, self._where
        )
        return found

    def _pooled(self, v: torch.Tensor) -> torch.Tensor:
        """The elements of v where the maxima were."""
        count, channels, height, width = v.shape
        image = torch.arange(count, device=v.device).view(-1, 1, 1, 1) * (height * width * channels)
        channel = torch.arange(channels, device=v.device).view(1, -1, 1, 1)
        # their places in memory, channels last
        places = (self._where * channels).add_(image + channel).permute(0, 2, 3, 1)
        found = v.permute(0, 2, 3, 1).reshape(-1).index_select(0, places.reshape(-1))
        return found.view(places.shape).permute(0, 3, 1, 2)

    def _signed(self, weight: torch.Tensor) -> torch.Tensor:
        return weight * self._sign.view(-1, 1, 1, 1)

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
        ctx.here = BlockPass(images, tensors, tasks, eps, ctx.needs_input_grad[0])
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


def mean_and_variance(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and (uncorrected) variance of every channel."""
    if y.is_cpu and not y.requires_grad:
        # var_mean takes 30 times as long where channels come last
        mean, variance = _aten.batch_norm_update_stats(y, None, None, 0.0)
    else:
        variance, mean = torch.var_mean(y, dim=(0, 2, 3), correction=0)
    return mean, variance


def _per_channel(v: torch.Tensor) -> torch.Tensor:
    return v.sum(dim=(0, 2, 3), keepdim=True)
