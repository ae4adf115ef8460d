"""Summaries by group: the mean, its interval over tasks, and the spread between seeds."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from innerloop.stats.intervals import mean_interval
from innerloop.stats.statistics import Statistics


def summarise(
    frame: pd.DataFrame,
    by: Sequence[str],
    value: str,
    statistics: Statistics | None = None,
    *,
    single: bool = False,
) -> pd.DataFrame:
    """Mean, interval and counts of `value`, one row for each group.

    The interval is over the tasks of one model, as the papers print it. With several seeds, `mean`,
    `low` and `high` are averages over the seeds; `seed_sd` is the standard deviation of the seeds'
    means, and `seed_half_width` the half-width of Student's interval over them. Both are NaN for a
    single seed. A training that diverged on all tasks does not count as a seed; its tasks count as
    missing.

    Returns:
        The columns `by`, then `mean`, `low`, `high`, `half_width`, `n` (tasks of the seed with the
        fewest), `missing` and `values` (of all seeds), `seeds`, `seed_sd`, `seed_half_width`; with
        `single`, also `trainings`, a list of the seeds' means.
    """
    chosen = statistics or Statistics()
    seeds = _per_seed(frame, by, value, chosen)
    groups = seeds.groupby(list(by), sort=False, observed=True)
    result = groups.agg(
        mean=("mean", "mean"),
        low=("low", "mean"),
        high=("high", "mean"),
        n=("n", lambda n: n[n > 0].min() if n.any() else 0),
        missing=("missing", "sum"),
        values=("values", "sum"),
        seeds=("mean", "count"),
        seed_sd=("mean", "std"),
        seed_half_width=("mean", lambda m: mean_interval(m, "t", chosen.level).half_width),
    ).reset_index()
    if single:
        result["trainings"] = groups["mean"].agg(list).to_numpy()
    result.insert(len(by) + 3, "half_width", (result["high"] - result["low"]) / 2)
    return result


def _per_seed(
    frame: pd.DataFrame, by: Sequence[str], value: str, statistics: Statistics
) -> pd.DataFrame:
    keys = [*by, "seed"]
    rows = []
    for group, values in frame.groupby(keys, sort=False, observed=True)[value]:
        found = mean_interval(values.to_numpy(), statistics.interval, statistics.level)
        numbers = found.mean, found.low, found.high, found.n, found.missing, len(values)
        rows.append((*group, *numbers))
    columns = ["mean", "low", "high", "n", "missing", "values"]
    return pd.DataFrame(rows, columns=[*keys, *columns])
