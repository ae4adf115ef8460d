"""The first layer: filters over images, of which pooling leaves a quarter. What both forms share.

For derivatives with respect to the filters, pre-activations need not be kept: the maxima and their
indices are enough. `first_layer_conv.py` is for a CPU, `first_layer_matmul.py` for a GPU, where the
images' patches are kept.
"""

from __future__ import annotations

from typing import Protocol

import torch


class Maxima(Protocol):
    """Where the maxima of y = conv(x, w) are, of T tasks' images x."""

    def convolve(self, weight: torch.Tensor) -> torch.Tensor:
        """conv(x, weight) at these places."""

    def weight_gradient(self, v: torch.Tensor) -> torch.Tensor:
        """With respect to the filters, where y's gradient is v at these places, zero elsewhere."""


class FirstLayer(Protocol):
    """T tasks' images x, ready to be filtered again and again."""

    def max_pool(self, weight: torch.Tensor) -> tuple[torch.Tensor, Maxima]:
        """The maxima of conv(x, weight), [N, T * C, H // 2, W // 2], and where they are."""


def filter_rows(weight: torch.Tensor, tasks: int) -> torch.Tensor:
    """[T * C, C', 3, 3] -> [T, C, 9 * C'], in the order of patches."""
    return weight.permute(0, 2, 3, 1).reshape(tasks, len(weight) // tasks, -1)


def filters_of_rows(rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """[T, C, 9 * C'] -> [T * C, C', 3, 3], in the precision of other filters."""
    filters = rows.reshape(len(like), *like.shape[2:], like.shape[1])
    return filters.permute(0, 3, 1, 2).to(like.dtype)
