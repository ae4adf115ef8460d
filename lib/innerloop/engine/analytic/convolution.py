"""A 3x3 convolution before BatchNorm and max-pooling, and its derivatives.

T tasks go through as T groups of one convolution: images are [N, T * C', H, W], channels last,
filters [T * C, C', 3, 3], and per-channel numbers [1, T * C, 1, 1].

All that a block's derivatives ask for at full size is an affine function of y = conv(x, w), of its
tangent y_t, and of pooled elements scattered to the maxima. Where the gradient of x is wanted, as
for a block's output, y is kept (`FeatureMap`); for images there is less to do (`Patches`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.fused import fused
from innerloop.engine.analytic.pooling import PoolIndices, max_pool

_aten = torch.ops.aten
_SAME_SIZE = ([1, 1], [1, 1], [1, 1], False, [0, 0])


@dataclass(frozen=True)
class ConvolutionVJP:
    """What the gradient's own tangent needs of the gradient: dy at full size, where y is kept."""

    dy: torch.Tensor | None = None


@dataclass(frozen=True)
class ConvolutionJVP:
    """What is known of y's tangent y_t.

    Attributes:
        mean: of y_t, per channel.
        covariance: of y_t with y, per channel.
        w: tangent of the filters.
        x: tangent of the input; None: it does not move.
        y: y_t at full size, where y is kept.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    w: torch.Tensor
    x: torch.Tensor | None = None
    y: torch.Tensor | None = None


class Convolution(Protocol):
    """y = conv(x, w) of T tasks, as seen after pooling.

    Attributes:
        count: pre-activations per channel, n.
        mean: of y.
        variance: of y, uncorrected.
    """

    count: int
    mean: torch.Tensor
    variance: torch.Tensor

    def vjp(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, ConvolutionVJP]:
        """Gradients dx and dw, where dy = scattered v + slope y + constant.

        Without `weight` dw is left out.
        """

    def jvp(
        self, x_t: torch.Tensor | None, w_t: torch.Tensor
    ) -> tuple[torch.Tensor, ConvolutionJVP]:
        """y_t at the maxima of y, and what else is known of it; x_t None: x does not move."""

    def jvp_of_vjp(
        self,
        vjp: ConvolutionVJP,
        jvp: ConvolutionJVP,
        v: torch.Tensor,
        slope_t: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """The tangents of dx and dw.

        dy_t = scattered v + slope_t y_t + slope y + constant.
        """


class BlockInput(Protocol):
    """What a block is given, of T tasks: images, or another block's output."""

    tasks: int

    def convolve(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(x, weight), and all else that is known of y."""


class FeatureMap:
    """A block's output on its way to the next one, or images with a gradient; y is kept.

    Args:
        images: x, [N, T * C', H, W], channels last.
        tasks: T.
        gradient: whether the gradient with respect to x is wanted.
    """

    def __init__(self, images: torch.Tensor, tasks: int, *, gradient: bool = True) -> None:
        self.images, self.tasks, self.gradient = images, tasks, gradient

    def convolve(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(x, weight), and all else that is known of y."""
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
        dx, dw = self._gradients(dy, self._x, self._w, self._gradient, weight)
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
        dx, dw = self._gradients(dy_t, self._x, self._w, self._gradient, True)
        if self._gradient:
            dx += self._gradients(vjp.dy, self._x, jvp.w, True, False)[0]
        if jvp.x is not None:
            dw += self._gradients(vjp.dy, jvp.x, self._w, False, True)[1]
        return dx, dw

    def _gradients(
        self, dy: torch.Tensor, x: torch.Tensor, w: torch.Tensor, image: bool, weight: bool
    ) -> tuple[Any, Any]:
        return convolution_gradients(dy, x, w, self._tasks, image=image, weight=weight)


@fused
def _plus_affine(
    v: torch.Tensor, y: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor
) -> torch.Tensor:
    """Give v + slope y + constant; v is overwritten."""
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
    """Give v + slope_t y_t + slope y + constant; v is overwritten."""
    return v.addcmul_(y_t, slope_t).addcmul_(y, slope).add_(constant)


@fused
def _means(
    one: torch.Tensor, other: torch.Tensor, *, n: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Means of two sums."""
    return one / n, other / n


def convolved(x: torch.Tensor, w: torch.Tensor, tasks: int) -> torch.Tensor:
    """conv(x, w): [N, T * C', H, W] and [T * C, C', 3, 3] -> [N, T * C, H, W]."""
    return F.conv2d(x, w, padding=1, groups=tasks)


def convolution_gradients(
    dy: torch.Tensor, x: torch.Tensor, w: torch.Tensor, tasks: int, *, image: bool, weight: bool
) -> tuple[Any, Any]:
    """Gradients with respect to x and w: tensors where they are asked for, else None."""
    if weight and dy.is_cuda and not torch.backends.cudnn.allow_tf32:
        # in full precision, cuDNN's may take 100 times as long where channels come last
        _, dw = _backward(dy.contiguous(), x.contiguous(), w.contiguous(), tasks, False, True)
        return _backward(dy, x, w, tasks, True, False)[0] if image else None, dw
    return _backward(dy, x, w, tasks, image, weight)


def _backward(
    dy: torch.Tensor, x: torch.Tensor, w: torch.Tensor, tasks: int, image: bool, weight: bool
) -> tuple[Any, Any]:
    dx, dw, _ = _aten.convolution_backward(
        dy, x, w, None, *_SAME_SIZE, tasks, [image, weight, False]
    )
    return dx, dw


def mean_and_variance(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and (uncorrected) variance per channel."""
    if not y.requires_grad:
        # var_mean takes 30 times as long on a CPU where channels come last, 2 to 5 times on a GPU
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
    # BatchNorm's backward pass gives both in one reading; on a GPU only if there is a weight
    _, product, total = _aten.native_batch_norm_backward(
        v, y, one, None, None, center, one, True, 0.0, [False, True, True]
    )
    return product.view(1, -1, 1, 1), total.view(1, -1, 1, 1)


@cache
def _one_and_zero(
    channels: int, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    # on a GPU they must not be made while a step is recorded; its warm-up has made them before
    one = torch.ones(channels, dtype=dtype, device=device)
    return one, torch.zeros_like(one)
