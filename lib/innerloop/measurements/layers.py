"""The layers of the network in the order in which figures and tables show them."""

from __future__ import annotations

from collections.abc import Iterable

# Not imported from `networks/`, so that an edit there does not redraw all figures.
BODY = ("conv1", "conv2", "conv3", "conv4")
HEAD = "head"
LAYERS = (*BODY, HEAD)


def layers_in_order(layers: Iterable[str]) -> list[str]:
    """Each layer once, from the input to the head; layers not of Conv4 between, sorted by name."""
    present = set(layers)
    known = [layer for layer in BODY if layer in present]
    return [*known, *sorted(present - set(LAYERS)), *sorted(present & {HEAD})]
