"""Which classes a task has: known from the number of classes alone, without any image."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from innerloop.runtime.streams import Stream, stream_key


def task_key(seed: int, dataset: str, split: str, purpose: str = "evaluation") -> int:
    """The key of the streams that the tasks of a split are drawn from."""
    return stream_key(seed, dataset, split, purpose)


def task_shares(key: int, indices: Iterable[int], *, classes: int, way: int) -> np.ndarray:
    """The share of each class in the tasks of the given indices, [T, classes]; rows sum to 1."""
    chosen = np.array([Stream(key, int(index)).choose(classes, way) for index in indices])
    shares = np.zeros((len(chosen), classes))
    np.put_along_axis(shares, chosen.reshape(-1, way), 1 / way, axis=1)
    return shares
