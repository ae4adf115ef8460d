"""Conv4: four blocks of 3x3 convolution, normalisation, ReLU and 2x2 max-pooling, and a head."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
from torch import nn

from innerloop.networks.normalisation import SupportBatchNorm2d
from innerloop.runtime.errors import ConfigError, require_choice, require_count

Normalisation: TypeAlias = Literal["batch", "support", "group", "layer", "instance", "none"]


class Conv4(nn.Module):
    """The network of both papers (P1 Section 4.1, P2 Figure 4).

    Args:
        way: classes per task; the width of the head.
        image_size: side of the square images in pixels; at least 16.
        channels: channels of the images.
        filters: filters of each block.
        normalisation: `batch`: by all images of a pass (transductive); `support`: query images by
            the support images' statistics; `group`, `layer` (one group) and `instance`: each image
            by itself; `none`.
        groups: groups of filters, for `group`; the default makes 16 filters per group if there are
            64 (Wu and He 2018).
        eps: added to the variance.

    Raises:
        ConfigError: an option is not allowed, or the images are too small.
    """

    def __init__(
        self,
        way: int,
        image_size: int,
        channels: int,
        *,
        filters: int = 64,
        normalisation: Normalisation = "batch",
        groups: int = 4,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        require_count("filters", filters, least=1)
        require_choice("normalisation", normalisation, get_args(Normalisation))
        if image_size < 16:
            raise ConfigError(
                f"image_size {image_size}: Conv4 halves the image four times; use 16 or more"
            )
        if normalisation == "group" and (groups < 1 or filters % groups):
            raise ConfigError(f"groups is {groups}, which does not divide {filters} filters")

        self.normalisation, self.eps = normalisation, eps

        def norm() -> nn.Module:
            match normalisation:
                case "batch":
                    return nn.BatchNorm2d(filters, eps, track_running_stats=False)
                case "support":
                    return SupportBatchNorm2d(filters, eps)
                case "instance":
                    return nn.InstanceNorm2d(filters, eps, affine=True)
                case "none":
                    return nn.Identity()
            return nn.GroupNorm(groups if normalisation == "group" else 1, filters, eps)

        def block(width: int) -> nn.Sequential:
            # with a mean over several channels, a bias would break the scale invariance
            bias = normalisation not in ("group", "layer")
            convolution = nn.Conv2d(width, filters, 3, padding=1, bias=bias)
            return nn.Sequential(convolution, norm(), nn.ReLU(), nn.MaxPool2d(2))

        self.conv1, self.conv2 = block(channels), block(filters)
        self.conv3, self.conv4 = block(filters), block(filters)
        self.head = nn.Linear(filters * (image_size // 16) ** 2, way)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [N, way] of images [N, channels, image_size, image_size]."""
        hidden = self.conv4(self.conv3(self.conv2(self.conv1(images))))
        logits: torch.Tensor = self.head(hidden.flatten(1))
        return logits
