"""2x2 max-pooling, and the way back to where the maxima were."""

from __future__ import annotations

import torch

_aten = torch.ops.aten
_WINDOWS = ([2, 2], [2, 2], [0, 0], [1, 1], False)


def max_pooled(y: torch.Tensor) -> tuple[torch.Tensor, Maxima]:
    """The maxima of all 2x2 windows of y [N, C, H, W], [N, C, H // 2, W // 2], and their places."""
    values, where = _aten.max_pool2d_with_indices(y, *_WINDOWS)
    return values, Maxima(where, y.shape)


class Maxima:
    """Where the maxima of a tensor [N, C, H, W] are; all tensors are channels last.

    Args:
        where: their places in an image's channel, [N, C, H // 2, W // 2].
        shape: of the tensor.
    """

    def __init__(self, where: torch.Tensor, shape: torch.Size) -> None:
        self._where, self._shape = where, shape

    def put_back(self, v: torch.Tensor) -> torch.Tensor:
        """Pooled elements back to their places, among zeros."""
        like = torch.empty(
            self._shape, dtype=v.dtype, device=v.device, memory_format=torch.channels_last
        )
        found: torch.Tensor = _aten.max_pool2d_with_indices_backward(
            v, like, *_WINDOWS, self._where
        )
        return found

    def taken_from(self, v: torch.Tensor) -> torch.Tensor:
        """The elements of v at those places."""
        count, channels, height, width = self._where.shape
        # by image, place and channel, as they lie in memory
        rows = v.permute(0, 2, 3, 1).reshape(count, -1, channels)
        places = self._where.permute(0, 2, 3, 1).reshape(count, -1, channels)
        return rows.gather(1, places).view(count, height, width, channels).permute(0, 3, 1, 2)
