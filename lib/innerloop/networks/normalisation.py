"""Normalisation layers that torch does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class SupportBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm of query images by the statistics of the support images.

    A batch of support images alone is normalised by all of them, as by `BatchNorm2d`.

    Attributes:
        support: statistics are those of this many first images; None: of all.
    """

    support: int | None = None

    def __init__(self, filters: int, eps: float = 1e-5) -> None:
        super().__init__(filters, eps, track_running_stats=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] -> [N, C, H, W]."""
        support = images[: self.support]
        variance, mean = torch.var_mean(support, dim=(0, 2, 3), correction=0, keepdim=True)
        scale = self.weight.view(1, -1, 1, 1) * torch.rsqrt(variance + self.eps)
        return (images - mean) * scale + self.bias.view(1, -1, 1, 1)


class GroupNorm(nn.GroupNorm):
    """`nn.GroupNorm` written out: torch's own does not take channels last under vmap."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[N, C, ...] -> [N, C, ...]."""
        groups = images.reshape(len(images), self.num_groups, -1)
        variance, mean = torch.var_mean(groups, dim=2, correction=0, keepdim=True)
        hidden = ((groups - mean) * torch.rsqrt(variance + self.eps)).reshape(images.shape)
        if not self.affine:
            return hidden
        shape = (1, -1, *[1] * (images.ndim - 2))
        return hidden * self.weight.view(shape) + self.bias.view(shape)


@contextmanager
def normalised_by_first(module: nn.Module, count: int) -> Iterator[None]:
    """Make every `SupportBatchNorm2d` normalise by the first `count` images."""
    layers = [part for part in module.modules() if isinstance(part, SupportBatchNorm2d)]
    for layer in layers:
        layer.support = count
    try:
        yield
    finally:
        for layer in layers:
            layer.support = None
