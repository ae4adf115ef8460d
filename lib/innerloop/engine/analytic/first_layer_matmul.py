"""The first layer by matrix products with the images' patches, which is faster on a GPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.first_layer import Maxima, filter_rows, filters_of_rows
from innerloop.engine.analytic.fused import fused

#: The number of matrix products in one batch that keeps a GPU busy.
_MANY = 256


class FirstLayerMatmul:
    """Keeps the images' patches and multiplies them by filters.

    The patches are in four parts, one for each position in a 2x2 pooling window, so that pooling is
    the elementwise maximum of four tensors.

    Args:
        patches: for the four positions, as returned by `window_patches`.
        shift: what was subtracted from them, [9 * C'].
        height: of the pooled images, h.
        width: of the pooled images, w.
    """

    def __init__(
        self, patches: list[torch.Tensor], shift: torch.Tensor, height: int, width: int
    ) -> None:
        self.tasks, self.images, _, _, self.size = patches[0].shape
        self.height, self.width, self.shift = height, width, shift
        # the last row and column of an image of odd size are in no window
        self.rows = [
            part[:, :, :height, :width].reshape(self.tasks, -1, self.size) for part in patches
        ]

    def max_pool(self, weight: torch.Tensor) -> tuple[torch.Tensor, Maxima]:
        """The maxima of conv(x, weight), and their positions."""
        pooled, where = _first_maximum(*self.products(weight))
        return self.as_images(pooled), _MaximaInWindows(self, weight, where)

    def products(self, weight: torch.Tensor) -> list[torch.Tensor]:
        """conv(x, weight) at the four positions in each window, each [T, N * h * w, C]."""
        rows = filter_rows(weight, self.tasks)
        filters = torch.cat([rows, (rows @ self.shift).unsqueeze(2)], dim=2).transpose(1, 2)
        return [part @ filters for part in self.rows]

    def sums(self, dy: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """The sum over all pixels of dy times the patch, [T, C, 9 * C'].

        Args:
            dy: for the four positions, each [T, N * h * w, C].
        """
        # a long sum keeps a GPU busy only if it is split into many
        few = self.tasks * self.images < _MANY
        cut = (self.tasks * self.images * (self.height if few else 1), -1)
        total: torch.Tensor | None = None
        for part, of in zip(self.rows, dy, strict=True):
            one, other = of.reshape(*cut, of.shape[2]), part.view(*cut, self.size)
            if total is None:
                total = one.transpose(1, 2) @ other
            else:
                total.baddbmm_(one.transpose(1, 2), other)
        assert total is not None
        sums = total.view(self.tasks, -1, *total.shape[1:]).sum(dim=1)
        return sums[..., :-1] + sums[..., -1:] * self.shift

    def as_images(self, pooled: torch.Tensor) -> torch.Tensor:
        """[T, N * h * w, C] -> [N, T * C, h, w], channels last."""
        size = (self.images, self.height, self.width)
        apart = pooled.view(self.tasks, *size, -1).permute(1, 2, 3, 0, 4)
        return apart.reshape(*size, -1).permute(0, 3, 1, 2)

    def as_windows(self, v: torch.Tensor) -> torch.Tensor:
        """[N, T * C, h, w], channels last -> [T, N * h * w, C]."""
        return (
            v.permute(0, 2, 3, 1).reshape(-1, self.tasks, v.shape[1] // self.tasks).transpose(0, 1)
        )


class _MaximaInWindows:
    def __init__(
        self, filters: FirstLayerMatmul, weight: torch.Tensor, where: torch.Tensor
    ) -> None:
        self._filters, self._weight, self._where = filters, weight, where

    def convolve(self, weight: torch.Tensor) -> torch.Tensor:
        pooled = _gather(self._where, *self._filters.products(weight))
        return self._filters.as_images(pooled)

    def weight_gradient(self, v: torch.Tensor) -> torch.Tensor:
        dy = _scatter(self._where, self._filters.as_windows(v))
        return filters_of_rows(self._filters.sums(dy), self._weight)


@fused
def _first_maximum(
    a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The maximum, and the index of the first of a, b, c, d that attains it: 0 to 3."""
    upper, lower = torch.maximum(a, b), torch.maximum(c, d)
    of_upper, of_lower = torch.where(a >= b, 0.0, 1.0), torch.where(c >= d, 2.0, 3.0)
    return torch.maximum(upper, lower), torch.where(upper >= lower, of_upper, of_lower)


@fused
def _scatter(where: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Four tensors: v at the position that `where` names, zeros at the others."""
    return tuple(torch.where(where == place, v, 0.0) for place in range(4))


@fused
def _gather(
    where: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor
) -> torch.Tensor:
    """The element of a, b, c or d that `where` names."""
    upper, lower = torch.where(where == 0, a, b), torch.where(where == 2, c, d)
    return torch.where(where < 2, upper, lower)


def window_patches(images: torch.Tensor, shift: torch.Tensor) -> list[torch.Tensor]:
    """The patches of [T, N, C', H, W] minus the shift, with a 1 appended, by window position.

    The positions are the upper left, upper right, lower left and lower right pixels of the 2x2
    windows: each [T, N, H / 2, W / 2, 9 * C' + 1], with H / 2 rounded up for upper and down for
    lower pixels, W / 2 up for left and down for right ones.
    """
    channels = images.shape[2]
    padded = F.pad(images, (1, 1, 1, 1)).movedim(2, -1).contiguous() - shift[:channels]
    patches = []
    for row in (0, 1):
        for column in (0, 1):
            windows = padded[:, :, row:, column:].unfold(2, 3, 2).unfold(3, 3, 2)
            windows = windows.permute(0, 1, 2, 3, 5, 6, 4)
            part = images.new_ones((*windows.shape[:4], len(shift) + 1))
            part[..., :-1].view(windows.shape).copy_(windows)
            patches.append(part)
    return patches
