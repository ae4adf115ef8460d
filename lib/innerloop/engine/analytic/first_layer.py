"""The first layer, convolution and max-pooling of the images: what its two implementations share.

For derivatives with respect to the filters, pre-activations need not be kept: the maxima and their
indices are enough. `first_layer_conv.py` is for a CPU, `first_layer_matmul.py` for a GPU, where the
images' patches are kept.
"""

from __future__ import annotations

from typing import Protocol

import torch


class Maxima(Protocol):
    """The positions of the maxima of y = conv(x, w), for T tasks' images x."""

    def convolve(self, weight: torch.Tensor) -> torch.Tensor:
        """conv(x, weight) at these positions."""

    def weight_gradient(self, v: torch.Tensor) -> torch.Tensor:
        """Gradient with respect to w, if that of y is v at these positions and 0 elsewhere."""


class FirstLayer(Protocol):
    """T tasks' images x, prepared for repeated convolution with different filters."""

    def max_pool(self, weight: torch.Tensor) -> tuple[torch.Tensor, Maxima]:
        """The maxima of conv(x, weight), [N, T * C, H // 2, W // 2], and their positions."""


def filter_rows(weight: torch.Tensor, tasks: int) -> torch.Tensor:
    """[T * C, C', 3, 3] -> [T, C, 9 * C'], in the element order of patches."""
    return weight.permute(0, 2, 3, 1).reshape(tasks, len(weight) // tasks, -1)


def filters_of_rows(rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """[T, C, 9 * C'] -> [T * C, C', 3, 3], in the precision of `like`."""
    filters = rows.reshape(len(like), *like.shape[2:], like.shape[1])
    return filters.permute(0, 3, 1, 2).to(like.dtype)
