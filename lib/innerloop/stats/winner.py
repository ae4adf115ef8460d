"""The best of several variants, if the tasks they share tell it from all others."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import pandas as pd

from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import paired_difference

K = TypeVar("K", bound=Hashable)


def winner(candidates: Mapping[K, pd.Series[float]], statistics: Statistics) -> K | None:
    """The candidate whose mean is highest, if a paired test tells it from each of the others.

    Args:
        candidates: name -> values by episode; all measured under the same protocol.
        statistics: p-values are adjusted for the number of others by its correction.

    Returns:
        Its name, or None where one of the tests does not decide.
    """
    if len(candidates) < 2:
        return None
    best = max(candidates, key=lambda name: candidates[name].mean())
    tests = [
        paired_difference(candidates[best], values, statistics.level)
        for name, values in candidates.items()
        if name != best
    ]
    # constant differences have no t; nan keeps the mark away
    p_values = adjusted([test.p for test in tests], statistics.correction)
    return best if all(p < statistics.alpha for p in p_values) else None


def by_episode(rows: pd.DataFrame, value: str) -> pd.Series[float]:
    """Values of one variant by episode, averaged over seeds; missing where one seed's is."""
    wide = rows.set_index(["episode", "seed"])[value].unstack("seed")  # noqa: PD010
    return wide.mean(axis=1, skipna=False)
