"""The first block's input: images, known by their 3x3 patches; no pre-activations are kept.

A block's gradient by its filters adds up d_y times patches of the input x, where d_y is affine in
y = conv(x, w) but for the pooled elements. Of the affine part, patches tell all:

    sum (y - mean y) patch = n C w,    mean y = w . m,    var y = w . C w,

with the mean m and covariance C of the n patches of a task's images. Images stay as they are
through the inner loop, so m and C are computed once; BatchNorm's statistics then cost nothing. What
is left to do at full size is y, of which pooling leaves a quarter, and the pooled elements' share
of the gradient. Images' own gradient is not to be had here: that is what `Hidden` is for.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.convolution import Convolution
from innerloop.engine.analytic.convolved_filters import ConvolvedFilters, in_parts, joined
from innerloop.engine.analytic.fused import fused
from innerloop.engine.analytic.image_filters import (
    ImageFilters,
    Places,
    filter_rows,
    filters_of_rows,
)
from innerloop.engine.analytic.multiplied_filters import MultipliedFilters, window_patches


class Patches:
    """T tasks' images, as the first block is given them.

    Args:
        images: [T, N, C', H, W].
        multiplied: whether the patches are kept and multiplied by filters, instead of convolving
            the images anew each time; left out: on a GPU.

    Attributes:
        count: patches of a task, n.
        mean: of them, [T, 1, 9 * C'], in double precision.
        covariance: of them, uncorrected, [T, 9 * C', 9 * C'], in double precision.
    """

    def __init__(self, images: torch.Tensor, *, multiplied: bool | None = None) -> None:
        self.tasks, each, _, *shape = images.shape
        self.count = each * shape[0] * shape[1]
        shift = images.mean(dim=(0, 1, 3, 4)).repeat(9)
        self._filters: ImageFilters
        if multiplied or (multiplied is None and not images.is_cpu):
            patches = window_patches(images, shift)
            products = torch.stack([_products(part.flatten(0, 1)) for part in patches]).sum(dim=0)
            self._filters = MultipliedFilters(patches, shift, shape[0] // 2, shape[1] // 2)
        else:
            together = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            parts = in_parts(together, len(shift) + 1)
            products = joined([_products(_patches(part, shift)) for part in parts])
            self._filters = ConvolvedFilters(side_by_side(images), self.tasks)
        products = products.view(self.tasks, each, *products.shape[1:])
        self.mean, self.covariance = _moments(products, shift)

    def filtered(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(images, weight), and all else that is known of y."""
        pooled, places = self._filters.maxima(weight)
        return pooled, _PatchConvolution(self, weight, places)

    def rows(self, weight: torch.Tensor) -> torch.Tensor:
        """[T * C, C', 3, 3] -> [T, C, 9 * C'], in the order of patches and in double precision."""
        return filter_rows(weight, self.tasks).to(self.mean)


class _PatchConvolution:
    def __init__(self, source: Patches, weight: torch.Tensor, places: Places) -> None:
        self._source, self._w, self._places = source, weight, places
        self.count = source.count
        self._rows = source.rows(weight)
        self._spread = self._rows @ source.covariance
        self.mean = self._numbers(self._rows @ source.mean.transpose(1, 2))
        self.variance = self._numbers((self._spread * self._rows).sum(dim=2))

    def backward(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[None, torch.Tensor | None]:
        if not weight:
            return None, None
        of_each = self._of_each
        rows = _affine_rows(
            self._spread, of_each(slope), of_each(self.mean), of_each(constant),
            self._source.mean, n=self.count,
        )  # fmt: skip
        return None, self._gradient(v, rows)

    def tangent(
        self, images: torch.Tensor | None, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        source = self._source
        self._tangent_rows = source.rows(weight)
        self._mean_t = self._numbers(self._tangent_rows @ source.mean.transpose(1, 2))
        covariance = self._numbers((self._tangent_rows * self._spread).sum(dim=2))
        return self._places.of(weight), self._mean_t, covariance

    def tangent_backward(
        self,
        v: torch.Tensor,
        tangent_slope: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[None, torch.Tensor]:
        of_each = self._of_each
        moved = self._tangent_rows @ self._source.covariance
        rows = _affine_rows_tangent(
            moved, of_each(tangent_slope), of_each(self._mean_t), self._spread,
            of_each(slope), of_each(self.mean), of_each(constant), self._source.mean, n=self.count,
        )  # fmt: skip
        return None, self._gradient(v, rows)

    def _gradient(self, v: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """By the filters: of pooled elements v put back, and of an affine function of y."""
        return filters_of_rows(rows, self._w) + self._places.gradient(v)

    def _of_each(self, numbers: torch.Tensor) -> torch.Tensor:
        """[1, T * C, 1, 1] -> [T, C, 1]."""
        return numbers.view(self._source.tasks, -1, 1)

    def _numbers(self, of_each: torch.Tensor) -> torch.Tensor:
        """[T, C] or [T, C, 1] -> [1, T * C, 1, 1], in the weights' precision."""
        return of_each.reshape(1, -1, 1, 1).to(self._w)


@fused
def _affine_rows(
    spread: torch.Tensor,
    slope: torch.Tensor,
    mean: torch.Tensor,
    constant: torch.Tensor,
    patch: torch.Tensor,
    *,
    n: float,
) -> torch.Tensor:
    """Sum over all patches of (slope y + constant) times the patch.

    Args:
        spread: covariance of y with the patches, [T, C, 9 * C'].
        slope: [T, C, 1], as the constant.
        mean: of y, [T, C, 1].
        constant: the function's.
        patch: mean of the patches, [T, 1, 9 * C'].
        n: number of the patches.
    """
    level = slope * mean + constant
    return (slope * spread).addcmul_(level, patch).mul_(n)


@fused
def _affine_rows_tangent(
    spread_t: torch.Tensor,
    slope_t: torch.Tensor,
    mean_t: torch.Tensor,
    spread: torch.Tensor,
    slope: torch.Tensor,
    mean: torch.Tensor,
    constant: torch.Tensor,
    patch: torch.Tensor,
    *,
    n: float,
) -> torch.Tensor:
    """The same of slope_t y' + slope y + constant."""
    level = slope_t * mean_t + slope * mean + constant
    affine = (slope_t * spread_t).addcmul_(slope, spread)
    return affine.addcmul_(level, patch).mul_(n)


def side_by_side(images: torch.Tensor) -> torch.Tensor:
    """[T, N, C, H, W] -> [N, T * C, H, W]: one image of every task; channels last is faster."""
    count = images.shape[1]
    joined = images.transpose(0, 1).reshape(count, -1, *images.shape[3:])
    return joined.contiguous(memory_format=torch.channels_last)


def _patches(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """All patches of [N, C', H, W] less the shift, and ones in the end: [N, H, W, K + 1].

    A convolution by single ones finds them. With each channel's mean taken off, single precision is
    enough for one image's products; the ones are there for the products to have the sums.
    """
    channels, size = images.shape[1], len(shift)
    ones = torch.eye(size + 1, size, dtype=images.dtype, device=images.device)
    filters = ones.view(size + 1, 3, 3, channels).permute(0, 3, 1, 2)
    bias = torch.cat([-shift, shift.new_ones(1)])
    return F.conv2d(images, filters, bias, padding=1).permute(0, 2, 3, 1)


def _products(patches: torch.Tensor) -> torch.Tensor:
    """Each image's sum of its patches' products [N, K + 1, K + 1], in double precision."""
    rows = patches.flatten(1, 2)
    return (rows.transpose(1, 2) @ rows).double()


def _moments(products: torch.Tensor, shift: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [T, 1, K] and covariance [T, K, K] of all patches, from [T, N, K + 1, K + 1]."""
    size = len(shift)
    second = products.sum(dim=1)
    second = second / second[:, size:, size:]
    mean = second[:, size:, :size]
    return mean + shift, second[:, :size, :size] - mean.transpose(1, 2) @ mean
