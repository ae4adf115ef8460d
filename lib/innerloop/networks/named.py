"""Networks by name: built-in ones, and users' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from innerloop.networks.building import built
from innerloop.networks.network import Network
from innerloop.networks.options import Initialisation
from innerloop.runtime.built_in import NETWORKS, named_entry


def network(
    name: str | Callable[..., nn.Module] = "conv4",
    *,
    way: int = 5,
    image_size: int = 84,
    channels: int = 3,
    initialisation: Initialisation = "glorot",
    **options: Any,
) -> Network:
    """A network: `network("conv4", way=5, filters=32, normalisation="group")`.

    Args:
        name: `conv4`; `resnet12`; or a class or function that is called with
            `(way, image_size, channels, **options)` and returns a `torch.nn.Module`: its entry,
            `my_net.py:Net`, or itself, if it is imported from a module.
        way: classes per task.
        image_size: side of the square images in pixels.
        channels: channels of the images.
        initialisation: of the weights: `glorot`, `torch`, `kaiming`, or `own`, as the module draws
            them.
        options: the module's own keyword arguments.

    Raises:
        ConfigError: a value or option is unknown.
        InputError: the module's class cannot be imported again, or this is a module already.
        ExtensionError: the module cannot be made, or is not a network that Innerloop understands.
    """
    entry = named_entry("network", name, NETWORKS)
    if not isinstance(name, str):
        built.cache_clear()  # the module that it is from may have been loaded again
    return Network(way, image_size, channels, entry, options, initialisation)
