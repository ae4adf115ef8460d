"""The first block's input: images, represented by statistics of their 3x3 patches.

The gradient with respect to a block's filters is the sum of dy times patches of the input x, where
dy is affine in y = conv(x, w) except at the maxima. The patches' statistics give the affine part:

    sum (y - mean y) patch = n C w,    mean y = w . m,    var y = w . C w,

with the mean m and covariance C of the n patches of a task's images. The images do not change in
the inner loop, so m and C are computed once, and BatchNorm's statistics then cost nothing. What
remains to be computed at full size is y, of which pooling leaves a quarter, and the maxima's share
of the gradient; no pre-activations are kept. For the gradient with respect to the images, use
`FeatureMap`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.convolution import Convolution, ConvolutionJVP, ConvolutionVJP
from innerloop.engine.analytic.first_layer import FirstLayer, Maxima, filter_rows, filters_of_rows
from innerloop.engine.analytic.first_layer_conv import FirstLayerConv, in_parts, joined
from innerloop.engine.analytic.first_layer_matmul import FirstLayerMatmul, window_patches
from innerloop.engine.analytic.fused import fused


class Patches:
    """T tasks' images, as the input of the first block.

    Args:
        images: [T, N, C', H, W].
        multiplied: whether to keep the patches and multiply them by filters, instead of convolving
            the images anew each time; by default, on a GPU.

    Attributes:
        count: patches per task, n.
        mean: of the patches, [T, 1, 9 * C'], in double precision.
        covariance: of the patches, uncorrected, [T, 9 * C', 9 * C'], in double precision.
    """

    def __init__(self, images: torch.Tensor, *, multiplied: bool | None = None) -> None:
        self.tasks, each, _, *shape = images.shape
        self.count = each * shape[0] * shape[1]
        shift = images.mean(dim=(0, 1, 3, 4)).repeat(9)
        self._layer: FirstLayer
        if multiplied or (multiplied is None and not images.is_cpu):
            patches = window_patches(images, shift)
            products = torch.stack([_products(part.flatten(0, 1)) for part in patches]).sum(dim=0)
            self._layer = FirstLayerMatmul(patches, shift, shape[0] // 2, shape[1] // 2)
        else:
            together = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            parts = in_parts(together, len(shift) + 1)
            products = joined([_products(_patches(part, shift)) for part in parts])
            self._layer = FirstLayerConv(side_by_side(images), self.tasks)
        products = products.view(self.tasks, each, *products.shape[1:])
        self.mean, self.covariance = _moments(products, shift)

    def convolve(self, weight: torch.Tensor) -> tuple[torch.Tensor, Convolution]:
        """The maxima of y = conv(images, weight), and y's statistics and derivatives."""
        pooled, maxima = self._layer.max_pool(weight)
        return pooled, _PatchConvolution(self, weight, maxima)

    def rows(self, weight: torch.Tensor) -> torch.Tensor:
        """[T * C, C', 3, 3] -> [T, C, 9 * C'], in the patches' element order, double precision."""
        return filter_rows(weight, self.tasks).to(self.mean)


class _PatchConvolution:
    def __init__(self, source: Patches, weight: torch.Tensor, maxima: Maxima) -> None:
        self._source, self._w, self._maxima = source, weight, maxima
        self.count = source.count
        rows = source.rows(weight)
        self._spread = rows @ source.covariance
        self.mean = self._per_channel(rows @ source.mean.transpose(1, 2))
        self.variance = self._per_channel((self._spread * rows).sum(dim=2))

    def vjp(
        self, v: torch.Tensor, slope: torch.Tensor, constant: torch.Tensor, *, weight: bool
    ) -> tuple[None, torch.Tensor | None, ConvolutionVJP]:
        if not weight:
            return None, None, ConvolutionVJP()
        per_task = self._per_task
        rows = _affine_rows(
            self._spread, per_task(slope), per_task(self.mean), per_task(constant),
            self._source.mean, n=self.count,
        )  # fmt: skip
        return None, self._gradient(v, rows), ConvolutionVJP()

    def jvp(
        self, x_t: torch.Tensor | None, w_t: torch.Tensor
    ) -> tuple[torch.Tensor, ConvolutionJVP]:
        rows = self._source.rows(w_t)
        mean = self._per_channel(rows @ self._source.mean.transpose(1, 2))
        covariance = self._per_channel((rows * self._spread).sum(dim=2))
        return self._maxima.convolve(w_t), ConvolutionJVP(mean, covariance, w_t)

    def jvp_of_vjp(
        self,
        vjp: ConvolutionVJP,
        jvp: ConvolutionJVP,
        v: torch.Tensor,
        slope_t: torch.Tensor,
        slope: torch.Tensor,
        constant: torch.Tensor,
    ) -> tuple[None, torch.Tensor]:
        per_task = self._per_task
        spread_t = self._source.rows(jvp.w) @ self._source.covariance
        rows = _affine_rows_jvp(
            spread_t, per_task(slope_t), per_task(jvp.mean), self._spread,
            per_task(slope), per_task(self.mean), per_task(constant), self._source.mean,
            n=self.count,
        )  # fmt: skip
        return None, self._gradient(v, rows)

    def _gradient(self, v: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Gradient with respect to w: v's share, at the maxima, and the affine part's rows."""
        return filters_of_rows(rows, self._w) + self._maxima.weight_gradient(v)

    def _per_task(self, numbers: torch.Tensor) -> torch.Tensor:
        """[1, T * C, 1, 1] -> [T, C, 1]."""
        return numbers.view(self._source.tasks, -1, 1)

    def _per_channel(self, values: torch.Tensor) -> torch.Tensor:
        """[T, C] or [T, C, 1] -> [1, T * C, 1, 1], in the weights' precision."""
        return values.reshape(1, -1, 1, 1).to(self._w)


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
        slope: [T, C, 1].
        mean: of y, [T, C, 1].
        constant: [T, C, 1].
        patch: mean of the patches, [T, 1, 9 * C'].
        n: number of patches.
    """
    level = slope * mean + constant
    return (slope * spread).addcmul_(level, patch).mul_(n)


@fused
def _affine_rows_jvp(
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
    """Sum over all patches of (slope_t y_t + slope y + constant) times the patch."""
    level = slope_t * mean_t + slope * mean + constant
    affine = (slope_t * spread_t).addcmul_(slope, spread)
    return affine.addcmul_(level, patch).mul_(n)


def side_by_side(images: torch.Tensor) -> torch.Tensor:
    """[T, N, C, H, W] -> [N, T * C, H, W]: the tasks become channel groups; channels last."""
    count = images.shape[1]
    joined = images.transpose(0, 1).reshape(count, -1, *images.shape[3:])
    return joined.contiguous(memory_format=torch.channels_last)


def _patches(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """All patches of [N, C', H, W] minus the shift, with a 1 appended: [N, H, W, K + 1].

    A convolution with one-hot filters extracts them. With each channel's mean subtracted, single
    precision is enough for the products within one image; with the 1 they include the sums.
    """
    channels, size = images.shape[1], len(shift)
    ones = torch.eye(size + 1, size, dtype=images.dtype, device=images.device)
    filters = ones.view(size + 1, 3, 3, channels).permute(0, 3, 1, 2)
    bias = torch.cat([-shift, shift.new_ones(1)])
    return F.conv2d(images, filters, bias, padding=1).permute(0, 2, 3, 1)


def _products(patches: torch.Tensor) -> torch.Tensor:
    """The sum of outer products of each image's patches, [N, K + 1, K + 1], double precision."""
    rows = patches.flatten(1, 2)
    return (rows.transpose(1, 2) @ rows).double()


def _moments(products: torch.Tensor, shift: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean [T, 1, K] and covariance [T, K, K] of all patches, from [T, N, K + 1, K + 1]."""
    size = len(shift)
    second = products.sum(dim=1)
    second = second / second[:, size:, size:]
    mean = second[:, size:, :size]
    return mean + shift, second[:, :size, :size] - mean.transpose(1, 2) @ mean
