"""The first layer by matrix products with the images' patches, which a GPU does faster."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from innerloop.engine.analytic.first_layer import Maxima, filter_rows, filters_of_rows
from innerloop.engine.analytic.fused import fused

#: Matrix products at once that keep a GPU busy.
_MANY = 256


class FirstLayerMatmul:
    """Multiplies the images' patches, which it keeps.

    Patches lie in four parts, one for every place in a 2x2 window, so that pooling is a maximum of
    four.

    Args:
        patches: of the four places, as `window_patches` gives them.
        shift: what was taken off them, [9 * C'].
        height: of the pooled images, h.
        width: of the pooled images, w.
    """

    def __init__(
        self, patches: list[torch.Tensor], shift: torch.Tensor, height: int, width: int
    ) -> None:
        self.tasks, self.images, _, _, self.size = patches[0].shape
        self.height, self.width, self.shift = height, width, shift
        # the last row and column of an odd size are in no window
        self.rows = [
            part[:, :, :height, :width].reshape(self.tasks, -1, self.size) for part in patches
        ]

    def max_pool(self, weight: torch.Tensor) -> tuple[torch.Tensor, Maxima]:
        """The maxima of conv(x, weight), and where they are."""
        pooled, where = _first_maximum(*self.products(weight))
        return self.as_images(pooled), _MaximaInWindows(self, weight, where)

    def products(self, weight: torch.Tensor) -> list[torch.Tensor]:
        """conv(x, weight) at every place of the windows, [T, N * h * w, C]."""
        rows = filter_rows(weight, self.tasks)
        filters = torch.cat([rows, (rows @ self.shift).unsqueeze(2)], dim=2).transpose(1, 2)
        return [part @ filters for part in self.rows]

    def sums(self, dy: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Sum of dy [T, N * h * w, C], of every place, times its patch: [T, C, 9 * C']."""
        # a GPU has something to do only when a long sum is cut into many
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
    """The greatest, and which it is: 0 to 3."""
    upper, lower = torch.maximum(a, b), torch.maximum(c, d)
    of_upper, of_lower = torch.where(a >= b, 0.0, 1.0), torch.where(c >= d, 2.0, 3.0)
    return torch.maximum(upper, lower), torch.where(upper >= lower, of_upper, of_lower)


@fused
def _scatter(where: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Put v at its place of four, zeros at the others."""
    return tuple(torch.where(where == place, v, 0.0) for place in range(4))


@fused
def _gather(
    where: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor
) -> torch.Tensor:
    """Of four, the one that `where` names."""
    upper, lower = torch.where(where == 0, a, b), torch.where(where == 2, c, d)
    return torch.where(where < 2, upper, lower)


def window_patches(images: torch.Tensor, shift: torch.Tensor) -> list[torch.Tensor]:
    """The patches of [T, N, C', H, W] less the shift, and ones in the end, for every place.

    Those of upper left pixels of 2x2 windows, upper right, lower left, lower right:
    [T, N, H / 2, W / 2, 9 * C' + 1], rounded up for left and upper, down for right and lower.
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
