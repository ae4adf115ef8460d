"""A 3x3 convolution before BatchNorm and max-pooling, and its derivatives.

T tasks are T groups of one convolution: images are [N, T * C', H, W], channels last, filters
[T * C, C', 3, 3], and per-channel numbers [1, T * C, 1, 1].

Every full-size tensor in a block's derivatives is an affine function of y = conv(x, w) and of its
tangent y_t, plus pooled elements scattered to the maxima. If the gradient of x is wanted, as for a
block's output, y is kept (`FeatureMap`); for images there is less to do (`Patches`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.fused import fused
from innerloop.engine.analytic.pooling import PoolIndices, max_pool

_aten = torch.ops.aten
_SAME_SIZE = ([1, 1], [1, 1], [1, 1], False, [0, 0])


@dataclass(frozen=True)
class ConvolutionVJP:
    """What `vjp` saves for `jvp_of_vjp`: dy at full size, if y is kept."""

    dy: torch.Tensor | None = None


@dataclass(frozen=True)
class ConvolutionJVP:
    """What `jvp` returns besides the pooled elements of y's tangent y_t.

    Attributes:
        mean: of y_t, per channel.
        covariance: of y_t with y, per channel.
        w: tangent of the filters.
        x: tangent of the input; None: it is zero.
        y: y_t at full size, if y is kept.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    w: torch.Tensor
    x: torch.Tensor | None = None
    y: torch.Tensor | None = None


class Convolution(Protocol):
    """y = conv(x, w) of T tasks: its statistics, and its derivatives where it is pooled.

    Attributes:
        count: pre-activations per channel, n.
        mean: of y, per channel.
        variance: of y, per channel, uncorrected.
    """

    count: int
    mean: torch.Tensor
    variance: torch.Tensor

    def vjp(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, ConvolutionVJP]:
        """Gradients dx and dw, for dy = scattered v + slope y + constant.

        Without `weight`, dw is left out.
        """

    def jvp(
        self, x_t: torch.Tensor | None, w_t: torch.Tensor
    ) -> tuple[torch.Tensor, ConvolutionJVP]:
        """y_t at the maxima of y, and its statistics; x_t is None if x does not move."""

    def jvp_of_vjp(
        self,
        vjp: ConvolutionVJP,
        jvp: ConvolutionJVP,
        v: torch.Tensor,
        slope_t: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """The tangents of dx and dw, for dy_t = scattered v + slope_t y_t + slope y + constant."""


class BlockInput(Protocol):
    """The input of a block for T tasks: images, or another block's output."""

    tasks: int

    def convolve(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(x, weight), and y's statistics and derivatives."""


class FeatureMap:
    """A block's output as the input of the next, or images with a gradient; y is kept.

    Args:
        images: x, [N, T * C', H, W], channels last.
        tasks: T.
        gradient: whether the gradient with respect to x is wanted.
    """

    def __init__(self, images: torch.Tensor, tasks: int, *, gradient: bool = True) -> None:
        self.images, self.tasks, self.gradient = images, tasks, gradient

    def convolve(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(x, weight), and y's statistics and derivatives."""
        y = convolved(self.images, weight, self.tasks)
        pooled, indices = max_pool(y)
        return pooled, _KeptConvolution(self, weight, y, indices)


class _KeptConvolution:
    def __init__(
        self, source: FeatureMap, weight: torch.Tensor, y: torch.Tensor, indices: PoolIndices
    ) -> None:
        self._x, self._tasks, self._gradient = source.images, source.tasks, source.gradient
        self._w, self._y, self._indices = weight, y, indices
        self.count = y.numel() // y.shape[1]
        self.mean, self.variance = (of.view(1, -1, 1, 1) for of in mean_and_variance(y))

    def vjp(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, ConvolutionVJP]:
        dy = _plus_affine(self._indices.scatter(v), self._y, slope, constant)
        dx = image_gradient(dy, self._x, self._w, self._tasks) if self._gradient else None
        dw = weight_gradient(dy, self._x, self._w, self._tasks) if weight else None
        return dx, dw, ConvolutionVJP(dy)

    def jvp(
        self, x_t: torch.Tensor | None, w_t: torch.Tensor
    ) -> tuple[torch.Tensor, ConvolutionJVP]:
        y_t = convolved(self._x, w_t, self._tasks)
        if x_t is not None:
            y_t += convolved(x_t, self._w, self._tasks)
        product, total = sums_with(y_t, self._y, self.mean)
        mean, covariance = _means(total, product, n=self.count)
        return self._indices.gather(y_t), ConvolutionJVP(mean, covariance, w_t, x_t, y_t)

    def jvp_of_vjp(
        self,
        vjp: ConvolutionVJP,
        jvp: ConvolutionJVP,
        v: torch.Tensor,
        slope_t: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        assert vjp.dy is not None
        assert jvp.y is not None
        scattered = self._indices.scatter(v)
        dy_t = _plus_affine_tangent(scattered, jvp.y, slope_t, self._y, slope, constant)
        dx, dw = None, weight_gradient(dy_t, self._x, self._w, self._tasks)
        if self._gradient:
            dx = image_gradient(dy_t, self._x, self._w, self._tasks)
            dx += image_gradient(vjp.dy, self._x, jvp.w, self._tasks)
        if jvp.x is not None:
            dw += weight_gradient(vjp.dy, jvp.x, self._w, self._tasks)
        return dx, dw


@fused
def _plus_affine(
    v: torch.Tensor, y: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor
) -> torch.Tensor:
    """Compute v + slope y + constant in place of v."""
    return v.addcmul_(y, slope).add_(constant)


@fused
def _plus_affine_tangent(
    v: torch.Tensor,
    y_t: torch.Tensor,
    slope_t: torch.Tensor,
    y: torch.Tensor,
    slope: torch.Tensor,
    constant: torch.Tensor,
) -> torch.Tensor:
    """Compute v + slope_t y_t + slope y + constant in place of v."""
    return v.addcmul_(y_t, slope_t).addcmul_(y, slope).add_(constant)


@fused
def _means(
    one: torch.Tensor, other: torch.Tensor, *, n: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two sums, divided by n."""
    return one / n, other / n


def convolved(x: torch.Tensor, w: torch.Tensor, tasks: int) -> torch.Tensor:
    """conv(x, w): [N, T * C', H, W] and [T * C, C', 3, 3] -> [N, T * C, H, W]."""
    return F.conv2d(x, w, padding=1, groups=tasks)


def image_gradient(dy: torch.Tensor, x: torch.Tensor, w: torch.Tensor, tasks: int) -> torch.Tensor:
    """Gradient with respect to x, given that of y = conv(x, w)."""
    wanted = [True, False, False]
    dx: torch.Tensor = _aten.convolution_backward(dy, x, w, None, *_SAME_SIZE, tasks, wanted)[0]
    return dx


def weight_gradient(dy: torch.Tensor, x: torch.Tensor, w: torch.Tensor, tasks: int) -> torch.Tensor:
    """Gradient with respect to w, given that of y = conv(x, w)."""
    if dy.is_cuda and not torch.backends.cudnn.allow_tf32:
        # in full precision and channels last, cuDNN may take 100 times as long
        dy, x, w = dy.contiguous(), x.contiguous(), w.contiguous()
    wanted = [False, True, False]
    dw: torch.Tensor = _aten.convolution_backward(dy, x, w, None, *_SAME_SIZE, tasks, wanted)[1]
    return dw


def mean_and_variance(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and (uncorrected) variance per channel."""
    if not y.requires_grad:
        # with channels last, var_mean takes 30 times as long on a CPU, 2 to 5 times on a GPU
        mean, variance = _aten.batch_norm_update_stats(y, None, None, 0.0)
    else:
        variance, mean = torch.var_mean(y, dim=(0, 2, 3), correction=0)
    return mean, variance


def sums_with(
    v: torch.Tensor, y: torch.Tensor, mean: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sums of v (y - mean) and of v per channel, [1, C, 1, 1]."""
    one, zero = _one_and_zero(y.shape[1], y.dtype, y.device)
    center = zero if mean is None else mean.flatten()
    # BatchNorm's backward pass computes both in one read; on a GPU only if it has a weight
    _, product, total = _aten.native_batch_norm_backward(
        v, y, one, None, None, center, one, True, 0.0, [False, True, True]
    )
    return product.view(1, -1, 1, 1), total.view(1, -1, 1, 1)


@cache
def _one_and_zero(
    channels: int, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    # on a GPU, they must not be made during graph capture; the warm-up before it makes them
    one = torch.ones(channels, dtype=dtype, device=device)
    return one, torch.zeros_like(one)
