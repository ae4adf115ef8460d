"""The best of several methods, if it differs significantly from all others."""

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

#: Episodes -> the classes of their tasks, [N, C]; None: the classes are not a sample.
Shares: TypeAlias = Callable[["pd.Index[int]"], NDArray[np.float64] | None]


def winner(
    candidates: Mapping[K, pd.DataFrame], statistics: Statistics, shares: Shares = lambda _: None
) -> K | None:
    """The candidate with the highest mean, if it differs significantly from all other methods.

    Each test is for new trainings and new classes, on the tasks and trainings that both have.

    Args:
        candidates: name -> values, [N, S] by episode and seed; all measured under one protocol.
        statistics: its correction adjusts the p-values for the number of other candidates.
        shares: gives the classes of the tasks of some episodes, as in `generalise`.

    Returns:
        Its name, or None if one of the tests does not decide or has too few trainings.
    """
    if len(candidates) < 2:
        return None
    best = max(candidates, key=lambda name: candidates[name].mean().mean())
    p_values = [
        _p_value(candidates[best] - values, statistics, shares)
        for name, values in candidates.items()
        if name != best
    ]
    # a comparison without a test has p = nan, which prevents a winner
    told = all(p < statistics.alpha for p in adjusted(p_values, statistics.correction))
    return best if told else None


def _p_value(difference: pd.DataFrame, statistics: Statistics, shares: Shares) -> float:
    shared = difference.dropna(axis=1, how="all")  # trainings that one side lacks, or that diverged
    # the highest mean overall need not be the higher one over the shared trainings
    if shared.shape[1] < LEAST_TRAININGS or not shared.mean().mean() > 0:
        return math.nan
    return generalised(shared.to_numpy(), shares(shared.index), statistics.level).p


def by_training(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """The values of one method, [N, S] by episode and seed."""
    return rows.set_index(["episode", "seed"])[value].unstack("seed")  # noqa: PD010
