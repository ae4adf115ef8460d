"""The best of several methods, if their trainings tell it from all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import TypeAlias, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from innerloop.stats.generalising import LEAST_TRAININGS
from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import generalised

K = TypeVar("K", bound=Hashable)

#: The classes of the tasks of given episodes, [N, C]; None: they are not a sample.
Shares: TypeAlias = Callable[["pd.Index[int]"], NDArray[np.float64] | None]


def winner(
    candidates: Mapping[K, pd.DataFrame], statistics: Statistics, shares: Shares = lambda _: None
) -> K | None:
    """The candidate whose mean is highest, if it is told from each other one as a method.

    Each test is for new trainings, and new classes, on the tasks and trainings that both have.

    Args:
        candidates: name -> values, [N, S] by episode and seed; all measured under one protocol.
        statistics: p-values are adjusted for the number of others by its correction.
        shares: the classes of tasks of given episodes, as of `generalise`.

    Returns:
        Its name, or None where one of the tests does not decide, or has too few trainings to.
    """
    if len(candidates) < 2:
        return None
    best = max(candidates, key=lambda name: candidates[name].mean().mean())
    p_values = [
        _p_value(candidates[best] - values, statistics, shares)
        for name, values in candidates.items()
        if name != best
    ]
    # where there is no test, nan keeps the mark away
    told = all(p < statistics.alpha for p in adjusted(p_values, statistics.correction))
    return best if told else None


def _p_value(difference: pd.DataFrame, statistics: Statistics, shares: Shares) -> float:
    shared = difference.dropna(axis=1, how="all")  # what one side lacks, or where it diverged
    # the highest mean need not be the higher one of the trainings that both have
    if shared.shape[1] < LEAST_TRAININGS or not shared.mean().mean() > 0:
        return math.nan
    return generalised(shared.to_numpy(), shares(shared.index), statistics.level).p


def by_training(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """Values of one method, [N, S] by episode and seed."""
    return rows.set_index(["episode", "seed"])[value].unstack("seed")  # noqa: PD010
