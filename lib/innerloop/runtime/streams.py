"""Reproducible random streams: every draw is a pure function of its names and its index.

A stream is keyed by names (study seed, data set, split, ...) and counted by an index, so nothing
has to be remembered between draws: any worker can make any draw, in any order. Only raw 64-bit
output of Philox is used, which numpy guarantees never to change.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream_key(*names: object) -> int:
    """A 128-bit key from the names; different names give unrelated keys."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def seed_from(*names: object) -> int:
    """A 63-bit seed from the names, for generators that want one (torch)."""
    return stream_key(*names) >> 65


class Stream:
    """The `index`-th counter block of the stream named by `key`."""

    def __init__(self, key: int, index: int) -> None:
        # the index fills the upper half of the 256-bit counter, so that blocks cannot overlap
        self._bits = np.random.Philox(key=key, counter=int(index) << 128)

    def choose(self, population: int, size: int) -> np.ndarray:
        """`size` different numbers below `population`, in random order.

        Raises:
            ValueError: `size` is larger than `population`.
        """
        if size > population:
            raise ValueError(f"cannot choose {size} different items out of {population}")
        return np.argsort(self._bits.random_raw(population), kind="stable")[:size]
