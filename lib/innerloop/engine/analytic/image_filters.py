"""Filters over images, of which pooling leaves a quarter: what the two ways to it have in common.

For derivatives by the filters, pre-activations need not be kept: the pooled elements and their
places are enough. `convolved_filters.py` is the way of a CPU, `multiplied_filters.py` that of a
GPU, which keeps the images' patches.
"""

from __future__ import annotations

from typing import Protocol

import torch


class Places(Protocol):
    """Where the maxima of y = conv(x, w) are, of T tasks' images x."""

    def of(self, weight: torch.Tensor) -> torch.Tensor:
        """Conv(x, weight) at these places."""

    def gradient(self, v: torch.Tensor) -> torch.Tensor:
        """By the filters, where the gradient of y is v at these places, and zero elsewhere."""


class ImageFilters(Protocol):
    """T tasks' images x, ready to be filtered again and again."""

    def maxima(self, weight: torch.Tensor) -> tuple[torch.Tensor, Places]:
        """The maxima of conv(x, weight), [N, T * C, H // 2, W // 2], and where they are."""


def filter_rows(weight: torch.Tensor, tasks: int) -> torch.Tensor:
    """[T * C, C', 3, 3] -> [T, C, 9 * C'], in the order of patches."""
    return weight.permute(0, 2, 3, 1).reshape(tasks, len(weight) // tasks, -1)


def filters_of_rows(rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """[T, C, 9 * C'] -> [T * C, C', 3, 3], in the precision of other filters."""
    found = rows.reshape(len(like), *like.shape[2:], like.shape[1])
    return found.permute(0, 3, 1, 2).to(like.dtype)
