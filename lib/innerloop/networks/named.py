"""Networks by name: built-in ones, and users' own."""

from __future__ import annotations

from typing import Any

from innerloop.networks.network import Network
from innerloop.networks.options import Initialisation
from innerloop.runtime.built_in import network_entry


def network(
    name: str = "conv4",
    *,
    way: int = 5,
    image_size: int = 84,
    channels: int = 3,
    initialisation: Initialisation = "glorot",
    **options: Any,
) -> Network:
    """A network: `network("conv4", way=5, filters=32, normalisation="group")`.

    Args:
        name: `conv4`; `resnet12`; or an entry, `my_net.py:Net`, of a class or function that is
            called with `(way, image_size, channels, **options)` and returns a `torch.nn.Module`.
        way: classes per task.
        image_size: side of the square images in pixels.
        channels: channels of the images.
        initialisation: of the weights: `glorot`, `torch`, `kaiming`, or `own`, as the module draws
            them.
        options: the module's own keyword arguments.

    Raises:
        ConfigError: a value or option is unknown.
        ExtensionError: the module cannot be made, or is not a network that Innerloop understands.
    """
    entry = network_entry(name)
    return Network(way, image_size, channels, entry, options, initialisation)
