"""The layers of the network in the order in which figures and tables show them."""

from __future__ import annotations

from collections.abc import Iterable

# Not those of `networks/`: figures reach nothing of it, so that no edit there redraws them.
BODY = ("conv1", "conv2", "conv3", "conv4")
HEAD = "head"
LAYERS = (*BODY, HEAD)


def layers_in_order(layers: Iterable[str]) -> list[str]:
    """Each layer once, from the input to the head; those of other networks in between, by name."""
    present = set(layers)
    known = [layer for layer in BODY if layer in present]
    return [*known, *sorted(present - set(LAYERS)), *sorted(present & {HEAD})]
