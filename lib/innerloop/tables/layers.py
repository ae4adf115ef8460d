"""The layers of the network in the order in which figures and tables show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

BODY = ("conv1", "conv2", "conv3", "conv4")
HEAD = "head"
LAYERS = (*BODY, HEAD)


def parameter_counts(network: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """(layer, parameter) -> its numbers, as in `Conv4.shapes`, which imports torch.

    Args:
        network: Conv4's arguments: `way`, `filters` and `image_size`.
    """
    filters, way = network["filters"], network["way"]
    found, channels = {}, 3
    for layer in BODY:
        found[layer, "weight"] = filters * channels * 9
        found |= {(layer, parameter): filters for parameter in ("bias", "gamma", "beta")}
        channels = filters
    features = filters * (network["image_size"] // 2 ** len(BODY)) ** 2
    return {**found, (HEAD, "weight"): way * features, (HEAD, "bias"): way}


def layers_in_order(layers: Iterable[str]) -> list[str]:
    """Each layer once, from the input to the head; those of another network after them."""
    present = set(layers)
    known = [layer for layer in LAYERS if layer in present]
    return [*known, *sorted(present - set(known))]
