"""2x2 max-pooling, and scattering to and gathering from the positions of the maxima."""

from __future__ import annotations

import torch

_aten = torch.ops.aten
_WINDOWS = ([2, 2], [2, 2], [0, 0], [1, 1], False)


def max_pool(y: torch.Tensor) -> tuple[torch.Tensor, PoolIndices]:
    """The maxima [N, C, H // 2, W // 2] of all 2x2 windows of y [N, C, H, W], and their indices."""
    values, indices = _aten.max_pool2d_with_indices(y, *_WINDOWS)
    return values, PoolIndices(indices, y.shape)


class PoolIndices:
    """The positions of the maxima of a tensor [N, C, H, W]; all tensors are channels last.

    Args:
        indices: of each maximum within its image and channel, [N, C, H // 2, W // 2].
        shape: of the tensor that was pooled.
    """

    def __init__(self, indices: torch.Tensor, shape: torch.Size) -> None:
        self._indices, self._shape = indices, shape

    def scatter(self, v: torch.Tensor) -> torch.Tensor:
        """A tensor [N, C, H, W] with v [N, C, H // 2, W // 2] at the maxima, zeros elsewhere."""
        like = torch.empty(
            self._shape, dtype=v.dtype, device=v.device, memory_format=torch.channels_last
        )
        full: torch.Tensor = _aten.max_pool2d_with_indices_backward(
            v, like, *_WINDOWS, self._indices
        )
        return full

    def gather(self, v: torch.Tensor) -> torch.Tensor:
        """The elements of v [N, C, H, W] at the maxima, [N, C, H // 2, W // 2]."""
        count, channels, height, width = self._indices.shape
        # image, pixel, channel: the order in memory
        rows = v.permute(0, 2, 3, 1).reshape(count, -1, channels)
        indices = self._indices.permute(0, 2, 3, 1).reshape(count, -1, channels)
        return rows.gather(1, indices).view(count, height, width, channels).permute(0, 3, 1, 2)
