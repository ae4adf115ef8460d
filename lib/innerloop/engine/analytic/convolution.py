"""A 3x3 convolution before BatchNorm and max-pooling, and its derivatives.

T tasks go through as T groups of one convolution: images are [N, T * C', H, W], channels last,
filters [T * C, C', 3, 3], and numbers of a channel [1, T * C, 1, 1].

All that a block's derivatives ask for at full size is an affine function of y = conv(x, w), of its
tangent y', and of pooled elements put back to their places. Where the gradient of x is wanted, as
for a block's output, y is kept (`Hidden`); for images there is less to do (`Patches`).
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.fused import fused
from innerloop.engine.analytic.pooling import Maxima, max_pooled

_aten = torch.ops.aten
_SAME_SIZE = ([1, 1], [1, 1], [1, 1], False, [0, 0])


class Convolution(Protocol):
    """y = conv(x, w) of T tasks, as seen after pooling.

    Attributes:
        count: pre-activations of a channel, n.
        mean: of y.
        variance: of y, uncorrected.
    """

    count: int
    mean: torch.Tensor
    variance: torch.Tensor

    def backward(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Gradients by x and w, where d_y is v put back, plus slope y, plus constant.

        Without `weight` that of w is left out.
        """

    def tangent(
        self, images: torch.Tensor | None, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Y' where the maxima of y are, its mean, and its covariance with y.

        Args:
            images: x'; None: x does not move.
            weight: w'.
        """

    def tangent_backward(
        self,
        v: torch.Tensor,
        tangent_slope: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """How the gradients move; to be called after `backward` and `tangent`.

        d_y' is v put back, plus tangent_slope y', plus slope y, plus constant.
        """


class BlockInput(Protocol):
    """What a block is given, of T tasks: images, or another block's output."""

    tasks: int

    def filtered(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(x, weight), and all else that is known of y."""


class Hidden:
    """A block's output on its way to the next one, or images with a gradient; y is kept.

    Args:
        images: x, [N, T * C', H, W], channels last.
        tasks: T.
        gradient: whether the gradient of x is wanted.
    """

    def __init__(self, images: torch.Tensor, tasks: int, *, gradient: bool = True) -> None:
        self.images, self.tasks, self.gradient = images, tasks, gradient

    def filtered(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(x, weight), and all else that is known of y."""
        y = convolved(self.images, weight, self.tasks)
        pooled, maxima = max_pooled(y)
        return pooled, _KeptConvolution(self, weight, y, maxima)


class _KeptConvolution:
    def __init__(
        self, source: Hidden, weight: torch.Tensor, y: torch.Tensor, maxima: Maxima
    ) -> None:
        self._x, self._tasks, self._gradient = source.images, source.tasks, source.gradient
        self._w, self._y, self._maxima = weight, y, maxima
        self.count = y.numel() // y.shape[1]
        self.mean, self.variance = (of.view(1, -1, 1, 1) for of in mean_and_variance(y))

    def backward(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        self._dy = _plus_affine(self._maxima.put_back(v), self._y, slope, constant)
        return self._gradients(self._dy, self._x, self._w, self._gradient, weight)

    def tangent(
        self, images: torch.Tensor | None, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        self._xt, self._wt = images, weight
        self._yt = convolved(self._x, weight, self._tasks)
        if images is not None:
            self._yt += convolved(images, self._w, self._tasks)
        product, total = sums_with(self._yt, self._y, self.mean)
        return self._maxima.taken_from(self._yt), *_means(total, product, n=self.count)

    def tangent_backward(
        self,
        v: torch.Tensor,
        tangent_slope: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        put_back = self._maxima.put_back(v)
        dyt = _plus_affine_tangent(put_back, self._yt, tangent_slope, self._y, slope, constant)
        dx, dw = self._gradients(dyt, self._x, self._w, self._gradient, True)
        if self._gradient:
            dx += self._gradients(self._dy, self._x, self._wt, True, False)[0]
        if self._xt is not None:
            dw += self._gradients(self._dy, self._xt, self._w, False, True)[1]
        return dx, dw

    def _gradients(
        self, dy: torch.Tensor, x: torch.Tensor, w: torch.Tensor, image: bool, weight: bool
    ) -> tuple[Any, Any]:
        return convolution_gradients(dy, x, w, self._tasks, image=image, weight=weight)


@fused
def _plus_affine(
    v: torch.Tensor, y: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor
) -> torch.Tensor:
    """V, which is given up, plus slope y, plus constant."""
    return v.addcmul_(y, slope).add_(constant)


@fused
def _plus_affine_tangent(
    v: torch.Tensor,
    yt: torch.Tensor,
    tangent_slope: torch.Tensor,
    y: torch.Tensor,
    slope: torch.Tensor,
    constant: torch.Tensor,
) -> torch.Tensor:
    """V, which is given up, plus tangent_slope y', plus slope y, plus constant."""
    return v.addcmul_(yt, tangent_slope).addcmul_(y, slope).add_(constant)


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
    """Gradients by x and by w: tensors where they are asked for, else None."""
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
    """Mean and (uncorrected) variance of every channel."""
    if not y.requires_grad:
        # var_mean takes 30 times as long on a CPU where channels come last, 2 to 5 times on a GPU
        mean, variance = _aten.batch_norm_update_stats(y, None, None, 0.0)
    else:
        variance, mean = torch.var_mean(y, dim=(0, 2, 3), correction=0)
    return mean, variance


def sums_with(
    v: torch.Tensor, y: torch.Tensor, mean: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every channel [1, C, 1, 1], the sums of v (y - mean) and of v."""
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
