"""Means with intervals, and the t-tests that compare models on the same tasks.

A value that is not a number is counted as missing, never silently dropped: every result says how
many values it stands on and how many were missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from innerloop.errors import InnerloopError

Kind = Literal["normal", "t", "bootstrap"]

CONFIDENCE = 0.95
POWER = 0.80
BOOTSTRAP_RESAMPLES = 5_000
_UPPER = (1 + CONFIDENCE) / 2


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval, in the unit of the values it was made from."""

    mean: float
    low: float
    high: float
    n: int
    missing: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval: the number after ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class TTest:
    """A t-test of a mean difference against zero, two-sided.

    `effect_size` is the difference in standard deviations (Cohen's dz for pairs, d for two groups).
    `smallest_detectable` is the true difference that this many values find in 80 % of repetitions.
    """

    difference: Interval
    t: float
    df: float
    p: float
    effect_size: float
    smallest_detectable: float


def mean_interval(values: ArrayLike, kind: Kind = "normal") -> Interval:
    """The mean of `values` and its 95 % interval.

    Args:
        values: measurements; NaN counts as missing.
        kind: `normal`, mean ± 1.96 s/√n (what the papers print); `t`, the same with Student's
            quantile; `bootstrap`, the percentile bootstrap with a fixed random stream.

    Fewer than two values have no interval: its ends are NaN.
    """
    numbers, missing = _split_missing(values)
    n = numbers.size
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, missing)
    mean = float(numbers.mean())
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1, missing)
    if kind == "bootstrap":
        low, high = _bootstrap(numbers)
        return Interval(mean, low, high, n, missing)
    quantile = stats.norm.ppf(_UPPER) if kind == "normal" else stats.t.ppf(_UPPER, n - 1)
    half = float(quantile) * _standard_error(numbers)
    return Interval(mean, mean - half, mean + half, n, missing)


def summarise(
    frame: pd.DataFrame, by: Sequence[str], value: str, kind: Kind = "normal"
) -> pd.DataFrame:
    """Mean, interval and counts of `value` for each group, one row a group.

    The interval is over tasks, for one model, as the papers print it. With several seeds `mean`,
    `low` and `high` are averages over the seeds, and the spread between seeds stands apart in
    `seed_sd`, which is NaN for a single seed.

    Returns:
        The columns `by`, then `mean`, `low`, `high`, `half_width`, `n` (tasks of the seed that has
        fewest), `missing` (of all seeds), `seeds`, `seed_sd`.
    """
    seeds = _per_seed(frame, by, value, kind)
    groups = seeds.groupby(list(by), sort=False, observed=True)
    result = groups.agg(
        mean=("mean", "mean"),
        low=("low", "mean"),
        high=("high", "mean"),
        n=("n", "min"),
        missing=("missing", "sum"),
        seeds=("seed", "size"),
        seed_sd=("mean", "std"),
    ).reset_index()
    result.insert(len(by) + 3, "half_width", (result["high"] - result["low"]) / 2)
    return result


def one_sample(differences: ArrayLike) -> TTest:
    """Student's one-sample t-test of the mean of `differences` against zero.

    Fewer than two differences, or differences that are all equal, have no t: it and p are NaN.
    """
    numbers, missing = _split_missing(differences)
    n = numbers.size
    error = _standard_error(numbers)
    interval = mean_interval(numbers, "t")
    t = interval.mean / error if error > 0 else np.nan
    return TTest(
        difference=Interval(interval.mean, interval.low, interval.high, n, missing),
        t=t,
        df=n - 1,
        p=_two_sided(t, n - 1),
        effect_size=float(t / np.sqrt(n)) if n else np.nan,
        smallest_detectable=_smallest_detectable(error, n - 1),
    )


def paired_difference(a: pd.Series[float], b: pd.Series[float]) -> TTest:
    """Student's paired t-test of a - b; the index says what pairs them, usually the episode.

    What only one of them has is missing.

    Raises:
        InnerloopError: an index occurs twice.
    """
    for series in (a, b):
        if not series.index.is_unique:
            twice = series.index[series.index.duplicated()][0]
            raise InnerloopError(f"cannot pair: episode {twice} was measured more than once")
    return one_sample((a - b).to_numpy())


def welch(a: ArrayLike, b: ArrayLike) -> TTest:
    """Welch's t-test of mean(a) - mean(b) for independent groups of unequal variance.

    The effect size is Cohen's d with the root mean square of the two standard deviations;
    `difference.n` counts the values of both groups.
    """
    (first, missing_a), (second, missing_b) = _split_missing(a), _split_missing(b)
    n, missing = first.size + second.size, missing_a + missing_b
    errors = _standard_error(first), _standard_error(second)
    error = math.hypot(*errors)
    difference = mean_interval(first).mean - mean_interval(second).mean
    if not error > 0:
        return TTest(Interval(difference, np.nan, np.nan, n, missing), *[np.nan] * 5)
    df = error**4 / (errors[0] ** 4 / (first.size - 1) + errors[1] ** 4 / (second.size - 1))
    half = float(stats.t.ppf(_UPPER, df)) * error
    sd = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    t = difference / error
    return TTest(
        difference=Interval(difference, difference - half, difference + half, n, missing),
        t=t,
        df=df,
        p=_two_sided(t, df),
        effect_size=difference / sd,
        smallest_detectable=_smallest_detectable(error, df),
    )


def _per_seed(frame: pd.DataFrame, by: Sequence[str], value: str, kind: Kind) -> pd.DataFrame:
    keys = [*by, "seed"]
    rows = []
    for group, values in frame.groupby(keys, sort=False, observed=True)[value]:
        interval = mean_interval(values.to_numpy(), kind)
        rows.append(
            (*group, interval.mean, interval.low, interval.high, interval.n, interval.missing)
        )
    return pd.DataFrame(rows, columns=[*keys, "mean", "low", "high", "n", "missing"])


def _split_missing(values: ArrayLike) -> tuple[NDArray[np.float64], int]:
    numbers = np.asarray(values, dtype=np.float64).ravel()
    missing = np.isnan(numbers)
    return numbers[~missing], int(missing.sum())


def _standard_error(numbers: NDArray[np.float64]) -> float:
    if numbers.size < 2:
        return math.nan
    return float(numbers.std(ddof=1) / np.sqrt(numbers.size))


def _bootstrap(numbers: NDArray[np.float64]) -> tuple[float, float]:
    if np.ptp(numbers) == 0:
        return float(numbers[0]), float(numbers[0])
    result = stats.bootstrap(
        (numbers,),
        np.mean,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=max(1, 2_000_000 // numbers.size),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _two_sided(t: float, df: float) -> float:
    return float(2 * stats.t.sf(abs(t), df))


def _smallest_detectable(error: float, df: float) -> float:
    # a first-order formula; the exact one (noncentral t) differs by less than 1 % from n = 10 on
    return float((stats.t.ppf(_UPPER, df) + stats.t.ppf(POWER, df)) * error)
