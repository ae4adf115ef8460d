"""Networks that a user might write."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from innerloop.networks.conv4 import Conv4


class SameConv4(Conv4):
    """Conv4 under another name, for which there is no analytic engine."""


class Residual(nn.Module):
    """Nested parts, a shortcut, GroupNorm, and no name that would say what is what."""

    def __init__(self, way: int, image_size: int, channels: int, *, filters: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, filters, 3, stride=2, padding=1)
        self.one = nn.BatchNorm2d(filters)
        self.inner = nn.ModuleDict({"a": nn.Conv2d(filters, filters, 3, padding=1, bias=False)})
        self.two = nn.GroupNorm(2, filters)
        self.mixed = nn.Conv2d(filters, filters, 1)
        self.out = nn.Linear(filters * (image_size // 4) ** 2, way)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = F.relu(self.one(self.stem(images)))
        hidden = hidden + F.relu(self.two(self.inner["a"](hidden)))
        return self.out(F.avg_pool2d(self.mixed(hidden), 2).flatten(1))


class Dense(nn.Sequential):
    """No convolution at all, and a head without bias."""

    def __init__(self, way: int, image_size: int, channels: int) -> None:
        super().__init__(
            nn.Flatten(),
            nn.Linear(channels * image_size**2, 6, bias=False),
            nn.LayerNorm(6),
            nn.Tanh(),
            nn.Linear(6, way, bias=False),
        )


class Scaled(nn.Module):
    """A parameter of its own, whose kind is said."""

    parameter_kinds: ClassVar = {"scale": "gamma"}

    def __init__(self, way: int, image_size: int, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.out = nn.Linear(channels * image_size**2, way)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out((images * self.scale).flatten(1))


class OneByOne(Dense):
    """What vmap cannot do: it looks at a value."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images if float(images.sum()) > 0 else -images)
