"""The t-tests that compare models on the same tasks.

Every result says how many values were missing and how many are exactly zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from innerloop.runtime.errors import InnerloopError
from innerloop.stats.generalising import Components, generalise
from innerloop.stats.intervals import Interval, mean_interval, split_missing, standard_error

POWER = 0.80


@dataclass(frozen=True)
class TTest:
    """A two-sided t-test of a mean difference against zero.

    Attributes:
        difference: the mean difference and its Student's interval.
        ties: number of differences that are exactly zero; they count in n.
        t: the t statistic.
        df: its degrees of freedom.
        p: two-sided p-value.
        effect_size: the difference in standard deviations (Cohen's dz for pairs, d for two groups).
        standard_error: standard error of the mean difference.
        smallest_detectable: the true difference that n values would detect in 80 % of repetitions.
        components: variances between classes, trainings and tasks, if the test is about a method.
    """

    difference: Interval
    ties: int
    t: float
    df: float
    p: float
    effect_size: float
    standard_error: float
    smallest_detectable: float
    components: Components | None = None

    def p_above(self, null: float) -> float:
        """One-sided p-value of "the true difference is larger than `null`"."""
        return self._one_sided(self.difference.mean - null)

    def p_below(self, null: float) -> float:
        """One-sided p-value of "the true difference is smaller than `null`"."""
        return self._one_sided(null - self.difference.mean)

    def _one_sided(self, distance: float) -> float:
        if self.standard_error == 0:
            # all values are equal: the sign test's p, since an infinite t would overstate
            return 0.5 ** (self.df + 1) if distance > 0 else 1.0
        return float(stats.t.sf(distance / self.standard_error, self.df))


def generalised(
    values: NDArray[np.float64], shares: NDArray[np.float64] | None, level: float = 0.95
) -> TTest:
    """The test of a mean for new trainings and new classes: for the method.

    Args:
        values: [N, S], N tasks by S trainings; tasks with a missing value are left out.
        shares: [N, C], as in `generalise`.
        level: confidence level of the interval.
    """
    there = ~np.isnan(values).any(1)
    n, missing = int(there.sum()), int((~there).sum())
    if n < 2:
        return _t_test(np.nan, np.nan, np.nan, Counts(n, missing), level)
    estimate = generalise(values[there], None if shares is None else shares[there])
    mean, error, df = float(estimate.mean), float(estimate.standard_error), float(estimate.df)
    if values.shape[1] > 1 and np.ptp(values[there]) == 0:
        error, df = 0.0, values.shape[1] - 1  # exactly: the model's variances are all zero
    test = _t_test(mean, error, df, Counts(n, missing), level)
    return replace(test, components=estimate.components)


def one_sample(differences: ArrayLike, level: float = 0.95) -> TTest:
    """Student's one-sample t-test of the mean of `differences` against zero.

    With fewer than two differences, or if all are equal, t and p are NaN.
    """
    numbers, missing = split_missing(differences)
    n = numbers.size
    counts = Counts(n, missing, int((numbers == 0).sum()))
    mean = mean_interval(numbers).mean
    test = _t_test(mean, standard_error(numbers), n - 1, counts, level)
    return replace(test, effect_size=float(test.t / np.sqrt(n)) if n else np.nan)


def paired_difference(a: pd.Series[float], b: pd.Series[float], level: float = 0.95) -> TTest:
    """Student's paired t-test of a - b, paired by their index, usually the episode.

    Values without a partner count as missing.

    Raises:
        InnerloopError: an index occurs twice.
    """
    for series in (a, b):
        if not series.index.is_unique:
            twice = series.index[series.index.duplicated()][0]
            raise InnerloopError(f"cannot pair: episode {twice} was measured more than once")
    return one_sample((a - b).to_numpy(), level)


def welch(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> TTest:
    """Welch's t-test of mean(a) - mean(b) for independent groups of unequal variance.

    The effect size is Cohen's d with the root mean square of the two standard deviations;
    `difference.n` counts the values of both groups.
    """
    test = independent(one_sample(a, level), one_sample(b, level), level)
    if not test.standard_error > 0:
        return test
    variances = (split_missing(values)[0].var(ddof=1) for values in (a, b))
    return replace(test, effect_size=test.difference.mean / math.sqrt(sum(variances) / 2))


def independent(a: TTest, b: TTest, level: float = 0.95) -> TTest:
    """The test of the difference of two means that share neither tasks nor trainings.

    Its degrees of freedom are Satterthwaite's; t is NaN unless both means have an error.
    """
    error = math.hypot(a.standard_error, b.standard_error)
    mean = a.difference.mean - b.difference.mean
    n, missing = (
        getattr(a.difference, name) + getattr(b.difference, name) for name in ("n", "missing")
    )
    if not error > 0:
        return _t_test(mean, np.nan, np.nan, Counts(n, missing), level)
    df = error**4 / sum(one.standard_error**4 / one.df for one in (a, b))
    return _t_test(mean, error, df, Counts(n, missing), level)


class Counts(NamedTuple):
    """How many values a test has, how many are missing, and how many are exactly zero."""

    n: int
    missing: int
    ties: int = 0


def _t_test(mean: float, error: float, df: float, counts: Counts, level: float) -> TTest:
    """Student's t of a mean whose error is estimated with `df` degrees of freedom."""
    quantile = float(stats.t.ppf((1 + level) / 2, df))
    half = quantile * error
    t = mean / error if error > 0 else np.nan
    return TTest(
        difference=Interval(mean, mean - half, mean + half, counts.n, counts.missing),
        ties=counts.ties,
        t=t,
        df=df,
        p=float(2 * stats.t.sf(abs(t), df)),
        effect_size=np.nan,
        standard_error=error,
        # a first-order formula; the exact one (noncentral t) differs by less than 1 % from n = 10
        smallest_detectable=float((quantile + stats.t.ppf(POWER, df)) * error),
    )
