"""What Conv4 is made by, without torch: its arguments, and the shapes of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, get_args

from innerloop.errors import ConfigError, require_count
from innerloop.runtime.allowed import Allowed, Count, Positive

BLOCKS = ("conv1", "conv2", "conv3", "conv4")
LAYERS = (*BLOCKS, "head")

BatchNorm: TypeAlias = Literal["batch", "support"]
Initialisation: TypeAlias = Literal["glorot", "torch", "kaiming", "own"]


@dataclass(frozen=True)
class Conv4Options:
    """The arguments of Conv4, checked.

    Attributes:
        way: classes per task; the width of the head
        filters: filters of each Conv4 block
        image_size: side of the square images in pixels
        channels: channels of the images
        batch_norm: statistics that normalise query images: their own batch's, or the support
            images'
        batch_norm_eps: added to BatchNorm's variance
        initialisation: distribution of the initial weights; own: as its code draws them
    """

    way: Count = 5
    filters: Count = 64
    image_size: Annotated[int, Allowed(least=16)] = 84
    channels: Count = 3
    batch_norm: BatchNorm = "batch"
    batch_norm_eps: Positive = 1e-5
    initialisation: Initialisation = "glorot"

    def __post_init__(self) -> None:
        for name, kind in (("batch_norm", BatchNorm), ("initialisation", Initialisation)):
            value, choices = getattr(self, name), get_args(kind)
            if value not in choices:
                raise ConfigError(f"{name} is {value!r}; choose from {', '.join(choices)}")
        for name in ("way", "filters", "image_size", "channels"):
            require_count(name, getattr(self, name), least=1)
        if self.image_size < 16:
            raise ConfigError(
                f"image_size {self.image_size}: Conv4 halves the image four times; use 16 or more"
            )

    @property
    def feature_size(self) -> int:
        """Length of the flattened output of the last block: 1600 at 84 pixels, 64 filters."""
        return self.filters * (self.image_size // 16) ** 2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters by name, and their shapes without a task axis."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.channels
        for block in BLOCKS:
            shapes[f"{block}.weight"] = (self.filters, width, 3, 3)
            for part in ("bias", "gamma", "beta"):
                shapes[f"{block}.{part}"] = (self.filters,)
            width = self.filters
        return {
            **shapes,
            "head.weight": (self.way, self.feature_size),
            "head.bias": (self.way,),
        }
