"""A network as a study declares it, and the names and shapes of Conv4's parameters.

This file imports no torch, so that study files can be checked while Snakemake parses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from innerloop.runtime.allowed import Count, Filters, ImageSize, Positive
from innerloop.runtime.errors import require_choice, require_count

BLOCKS = ("conv1", "conv2", "conv3", "conv4")
HEAD: Final = "head"
LAYERS = (*BLOCKS, HEAD)

#: The kinds of parameters that update rules distinguish.
Role: TypeAlias = Literal["conv_weight", "conv_bias", "norm", "head"]

BatchNorm: TypeAlias = Literal["batch", "support"]
Initialisation: TypeAlias = Literal["glorot", "torch", "kaiming", "own"]

#: A study's default network.
CONV4 = "innerloop.networks.conv4:Conv4"


@dataclass(frozen=True)
class NetworkOptions:
    """A network's options as a study gives them, checked.

    Attributes:
        way: classes per task; the width of the head
        image_size: side of the square images in pixels
        channels: channels of the images
        network: conv4, resnet12, or a class or function of your own, file.py:name
        network_options: keyword arguments of the network, for example {normalisation: group}
        filters: filters of each Conv4 block
        batch_norm: statistics that normalise query images in Conv4: their own batch's, or the
            support images'
        batch_norm_eps: added to the variance in Conv4
        initialisation: distribution of the initial weights; own: as the network draws them
    """

    way: Count = 5
    image_size: ImageSize = 84
    channels: Count = 3
    network: str = CONV4
    network_options: Mapping[str, Any] = field(default_factory=dict)
    filters: Filters = 64
    batch_norm: BatchNorm = "batch"
    batch_norm_eps: Positive = 1e-5
    initialisation: Initialisation = "glorot"

    def __post_init__(self) -> None:
        for name, kind in (("batch_norm", BatchNorm), ("initialisation", Initialisation)):
            require_choice(name, getattr(self, name), get_args(kind))
        for name in ("way", "filters", "image_size", "channels"):
            require_count(name, getattr(self, name), least=1)

    @property
    def arguments(self) -> dict[str, Any]:
        """The module's keyword arguments besides way, image size and channels."""
        if self.network != CONV4:
            return dict(self.network_options)
        own = {"filters": self.filters, "normalisation": self.batch_norm}
        return {**own, "eps": self.batch_norm_eps, **self.network_options}

    @property
    def layers(self) -> tuple[str, ...] | None:
        """Conv4's layers; None: only the module knows them."""
        return LAYERS if self.network == CONV4 else None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]] | None:
        """Conv4's parameter names -> shapes; None: only the module knows them."""
        if self.network != CONV4:
            return None
        arguments = self.arguments
        filters, normalisation = arguments["filters"], arguments["normalisation"]
        parts = [] if normalisation in ("group", "layer") else ["bias"]
        parts += [] if normalisation == "none" else ["gamma", "beta"]
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.channels
        for block in BLOCKS:
            shapes[f"{block}.weight"] = (filters, width, 3, 3)
            shapes |= {f"{block}.{part}": (filters,) for part in parts}
            width = filters
        features = filters * (self.image_size // 16) ** 2
        return {**shapes, "head.weight": (self.way, features), "head.bias": (self.way,)}
