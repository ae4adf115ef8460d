"""The layers of the network in the order in which figures and tables show them."""

from __future__ import annotations

from collections.abc import Iterable

from innerloop.networks.options import BLOCKS, HEAD, LAYERS


def layers_in_order(layers: Iterable[str]) -> list[str]:
    """Each layer once, from the input to the head; those of other networks in between, by name."""
    present = set(layers)
    known = [layer for layer in BLOCKS if layer in present]
    return [*known, *sorted(present - set(LAYERS)), *sorted(present & {HEAD})]
