"""The first block's input: images, known by their 3x3 patches; nothing at full size is kept.

A block's gradient by its filters adds up d_y times patches of the input x, where d_y is affine in
y = conv(x, w) but for the pooled elements. Of the affine part, patches tell all:

    sum (y - mean y) patch = n C w,    mean y = w . m,    var y = w . C w,

with the mean m and covariance C of the n patches of a task's images. Images stay as they are
through the inner loop, so m and C are computed once; BatchNorm's statistics then cost nothing. What
is left to do at full size is y, of which pooling leaves a quarter, and the pooled elements' share
of the gradient. Images' own gradient is not to be had here: that is what `Hidden` is for.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from innerloop.nets.convolution import Convolution, convolution_gradients, convolved
from innerloop.nets.pooling import Maxima, max_pooled

#: Bytes at full size that are alive at once on a CPU; more take longer as well.
_AT_ONCE = 2**24


class Patches:
    """T tasks' images, as the first block is given them.

    Args:
        images: [T, N, C', H, W].

    Attributes:
        images: [N, T * C', H, W], channels last.
        count: patches of a task, n.
        mean: of them, [T, 1, 9 * C'], in double precision.
        covariance: of them, uncorrected, [T, 9 * C', 9 * C'], in double precision.
    """

    def __init__(self, images: torch.Tensor) -> None:
        self.tasks, count, _, *shape = images.shape
        self.images = side_by_side(images)
        self.count = count * shape[0] * shape[1]
        self.mean, self.covariance = _moments(images)

    def filtered(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(images, weight), and all else that is known of y."""
        parts = [
            (part, *max_pooled(convolved(part, weight, self.tasks)))
            for part in _in_parts(self.images, len(weight))
        ]
        maxima = [(part, maxima) for part, _, maxima in parts]
        return _joined([pooled for _, pooled, _ in parts]), _PatchConvolution(self, weight, maxima)

    def rows(self, weight: torch.Tensor) -> torch.Tensor:
        """[T * C, C', 3, 3] -> [T, C, 9 * C'], in the order of patches and in double precision."""
        rows = weight.permute(0, 2, 3, 1).reshape(self.tasks, -1, self.mean.shape[2])
        return rows.to(self.mean)


class _PatchConvolution:
    def __init__(
        self, source: Patches, weight: torch.Tensor, maxima: list[tuple[torch.Tensor, Maxima]]
    ) -> None:
        self._source, self._w, self._maxima = source, weight, maxima
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
        level = slope * self.mean + constant
        return None, self._gradient(v, self._of_each(slope) * self._spread, level)

    def tangent(
        self, images: torch.Tensor | None, weight: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        source = self._source
        pooled = [
            maxima.taken_from(convolved(part, weight, source.tasks))
            for part, maxima in self._maxima
        ]
        self._tangent_rows = source.rows(weight)
        self._mean_t = self._numbers(self._tangent_rows @ source.mean.transpose(1, 2))
        covariance = self._numbers((self._tangent_rows * self._spread).sum(dim=2))
        return _joined(pooled), self._mean_t, covariance

    def tangent_backward(
        self,
        v: torch.Tensor,
        tangent_slope: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[None, torch.Tensor]:
        moved = self._tangent_rows @ self._source.covariance
        affine = self._of_each(tangent_slope) * moved + self._of_each(slope) * self._spread
        level = tangent_slope * self._mean_t + slope * self.mean + constant
        return None, self._gradient(v, affine, level)

    def _gradient(self, v: torch.Tensor, affine: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Sum over all patches of (v put back, plus an affine function of y) times the patch.

        Args:
            v: pooled elements.
            affine: the function's covariance with the patches, [T, C, 9 * C'].
            level: its mean.
        """
        source, w, first = self._source, self._w, 0
        rows = affine.addcmul_(self._of_each(level), source.mean).mul_(source.count)
        found = rows.view(len(w), *w.shape[2:], w.shape[1]).permute(0, 3, 1, 2).to(w)
        for part, maxima in self._maxima:
            dy = maxima.put_back(v[first : first + len(part)])
            found += convolution_gradients(dy, part, w, source.tasks, image=False, weight=True)[1]
            first += len(part)
        return found

    def _of_each(self, numbers: torch.Tensor) -> torch.Tensor:
        """[1, T * C, 1, 1] -> [T, C, 1]."""
        return numbers.view(self._source.tasks, -1, 1)

    def _numbers(self, of_each: torch.Tensor) -> torch.Tensor:
        """[T, C] or [T, C, 1] -> [1, T * C, 1, 1], in the weights' precision."""
        return of_each.reshape(1, -1, 1, 1).to(self._w)


def side_by_side(images: torch.Tensor) -> torch.Tensor:
    """[T, N, C, H, W] -> [N, T * C, H, W]: one image of every task; channels last is faster."""
    count = images.shape[1]
    joined = images.transpose(0, 1).reshape(count, -1, *images.shape[3:])
    return joined.contiguous(memory_format=torch.channels_last)


def _moments(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [T, 1, K] and covariance [T, K, K] of all patches of [T, N, C', H, W], K = 9 C'.

    A convolution by single ones finds the patches; it also takes out each channel's mean, so that
    single precision is enough for one image, and appends a one, so that products have the sums.
    """
    tasks, channels = len(images), images.shape[2]
    size = 9 * channels
    ones = torch.eye(size + 1, size, dtype=images.dtype, device=images.device)
    filters = ones.view(size + 1, 3, 3, channels).permute(0, 3, 1, 2)
    shift = images.mean(dim=(0, 1, 3, 4)).repeat(9)
    bias = torch.cat([-shift, shift.new_ones(1)])
    products = []
    together = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
    for part in _in_parts(together, size + 1):
        patches = F.conv2d(part, filters, bias, padding=1).permute(0, 2, 3, 1)
        patches = patches.reshape(len(part), -1, size + 1)
        products.append((patches.transpose(1, 2) @ patches).double())
    second = _joined(products).view(tasks, -1, size + 1, size + 1).sum(dim=1)
    second = second / second[:, size:, size:]
    mean = second[:, size:, :size]
    return mean + shift, second[:, :size, :size] - mean.transpose(1, 2) @ mean


def _in_parts(images: torch.Tensor, channels: int) -> Iterator[torch.Tensor]:
    """The images [N, C, H, W], as many at a time as may be alive with so many channels."""
    if not images.is_cpu:
        return iter([images])
    each = channels * images.shape[2] * images.shape[3] * images.element_size()
    return iter(torch.split(images, max(1, _AT_ONCE // each)))


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
