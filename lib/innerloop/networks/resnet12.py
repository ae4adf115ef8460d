"""ResNet-12: four residual blocks of three 3x3 convolutions (Lee et al. 2019, MetaOptNet)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from innerloop.runtime.errors import ConfigError


class _Block(nn.Module):
    """Three convolutions with a 1x1 shortcut, then 2x2 max-pooling."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.conv3 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(channels, filters, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)
        self.norm3, self.norm4 = nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = F.leaky_relu(self.norm1(self.conv1(images)), 0.1)
        hidden = F.leaky_relu(self.norm2(self.conv2(hidden)), 0.1)
        hidden = self.norm3(self.conv3(hidden)) + self.norm4(self.shortcut(images))
        return F.max_pool2d(F.leaky_relu(hidden, 0.1), 2)


class ResNet12(nn.Module):
    """ResNet-12, with 12.4 million parameters and 640 features by default.

    Args:
        way: classes per task; the width of the head.
        image_size: side of the square images in pixels; at least 16.
        channels: channels of the images.
        widths: filters of each of the four blocks.
        pool: `average` over the last block's output; `none` keeps all of it (16,000 at 84 pixels).

    Raises:
        ConfigError: an option is not allowed, or the images are too small.
    """

    def __init__(
        self,
        way: int,
        image_size: int,
        channels: int,
        *,
        widths: Sequence[int] = (64, 160, 320, 640),
        pool: Literal["average", "none"] = "average",
    ) -> None:
        super().__init__()
        if len(widths) != 4 or image_size < 16 or pool not in ("average", "none"):
            raise ConfigError(
                f"ResNet-12 takes four widths, images of 16 pixels or more, and pool: average or "
                f"none; got widths {list(widths)}, image_size {image_size}, pool {pool!r}"
            )
        first, second, third, last = widths
        self.block1, self.block2 = _Block(channels, first), _Block(first, second)
        self.block3, self.block4 = _Block(second, third), _Block(third, last)
        self.pool = pool
        self.head = nn.Linear(last * (1 if pool == "average" else (image_size // 16) ** 2), way)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [N, way] of images [N, channels, image_size, image_size]."""
        hidden = self.block4(self.block3(self.block2(self.block1(images))))
        features = hidden.mean(dim=(2, 3)) if self.pool == "average" else hidden.flatten(1)
        logits: torch.Tensor = self.head(features)
        return logits
