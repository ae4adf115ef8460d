"""Means with intervals.

NaN is counted as missing, never silently dropped: every result says how many values it is based on
and how many were missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from innerloop.stats.statistics import Kind

BOOTSTRAP_RESAMPLES = 5_000


@dataclass(frozen=True)
class Interval:
    """A mean with its interval, in the unit of the values it was made from."""

    mean: float
    low: float
    high: float
    n: int
    missing: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval: the number after ±."""
        return (self.high - self.low) / 2


def mean_interval(values: ArrayLike, kind: Kind = "normal", level: float = 0.95) -> Interval:
    """The mean of `values` and its interval.

    Args:
        values: measurements; NaN counts as missing.
        kind: `normal`, mean ± 1.96 s/√n at level 0.95; `t`, the same with Student's quantile;
            `bootstrap`, the percentile bootstrap with a fixed random stream.
        level: the confidence level.

    With fewer than two values, the ends of the interval are NaN.
    """
    numbers, missing = split_missing(values)
    n = numbers.size
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, missing)
    mean = float(numbers.mean())
    if n == 1:
        return Interval(mean, np.nan, np.nan, 1, missing)
    if kind == "bootstrap":
        low, high = _bootstrap(numbers, level)
        return Interval(mean, low, high, n, missing)
    upper = (1 + level) / 2
    quantile = stats.norm.ppf(upper) if kind == "normal" else stats.t.ppf(upper, n - 1)
    half = float(quantile) * standard_error(numbers)
    return Interval(mean, mean - half, mean + half, n, missing)


def split_missing(values: ArrayLike) -> tuple[NDArray[np.float64], int]:
    """The values that are numbers, and how many are not."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    missing = np.isnan(numbers)
    return numbers[~missing], int(missing.sum())


def standard_error(numbers: NDArray[np.float64]) -> float:
    """Standard error of the mean; NaN for fewer than two values."""
    if numbers.size < 2:
        return math.nan
    if np.ptp(numbers) == 0:
        return 0.0  # exactly, despite rounding of the mean
    return float(numbers.std(ddof=1) / np.sqrt(numbers.size))


def _bootstrap(numbers: NDArray[np.float64], level: float) -> tuple[float, float]:
    if np.ptp(numbers) == 0:
        return float(numbers[0]), float(numbers[0])
    result = stats.bootstrap(
        (numbers,),
        np.mean,
        n_resamples=BOOTSTRAP_RESAMPLES,
        batch=max(1, 2_000_000 // numbers.size),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
