"""Tests agree with scipy and statsmodels; ties and missing values are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from innerloop.runtime.errors import InnerloopError
from innerloop.stats.t_tests import one_sample, paired_difference, welch

VALUES = np.random.default_rng(0).normal(0.5, 0.1, 200)
OTHERS = np.random.default_rng(1).normal(0.45, 0.3, 150)


def test_paired_test_agrees_with_scipy():
    a, b = pd.Series(VALUES[:100]), pd.Series(VALUES[100:])
    found, expected = paired_difference(a, b), stats.ttest_rel(a, b)
    assert (found.t, found.p, found.df) == pytest.approx((expected.statistic, expected.pvalue, 99))
    interval = expected.confidence_interval(0.95)
    assert (found.difference.low, found.difference.high) == pytest.approx(
        (interval.low, interval.high)
    )
    differences = a - b
    assert found.effect_size == pytest.approx(differences.mean() / differences.std())


def test_pairs_are_made_by_index():
    a, b = pd.Series([1.0, 2.0, 3.0], index=[3, 1, 2]), pd.Series([1.5, 3.0, 1.0], index=[1, 2, 9])
    found = paired_difference(a, b).difference
    assert (found.mean, found.n, found.missing) == (0.25, 2, 2)


def test_an_episode_measured_twice_cannot_be_paired():
    twice = pd.Series([1.0, 2.0], index=[7, 7])
    with pytest.raises(InnerloopError, match="episode 7"):
        paired_difference(twice, twice)


def test_welch_agrees_with_scipy():
    found = welch(VALUES, OTHERS)
    expected = stats.ttest_ind(VALUES, OTHERS, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (found.t, found.p, found.df) == pytest.approx(
        (expected.statistic, expected.pvalue, expected.df)
    )
    assert (found.difference.low, found.difference.high) == pytest.approx(
        (interval.low, interval.high)
    )
    assert found.difference.n == 350


@pytest.mark.parametrize("n", [10, 100, 1000])
def test_smallest_detectable_difference_has_80_percent_power(n):
    differences = np.random.default_rng(2).normal(0, 1, n)
    found = one_sample(differences)
    error = differences.std(ddof=1) / np.sqrt(n)
    critical = stats.t.ppf(0.975, n - 1)
    power = stats.nct.sf(critical, n - 1, found.smallest_detectable / error)
    assert power == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("values", [[], [1.0], [0.5, 0.5, 0.5]])
def test_no_test_without_spread(values):
    found = one_sample(values)
    assert np.isnan([found.t, found.p]).all()
    assert found.difference.n == len(values)


def test_welch_needs_two_values_in_each_group():
    assert np.isnan(welch([1.0], VALUES).p)


def test_two_one_sided_tests_agree_with_statsmodels():
    a, b = pd.Series(VALUES[:100]), pd.Series(VALUES[100:])
    found = paired_difference(a, b)
    p, lower, upper = ttost_paired(a.to_numpy(), b.to_numpy(), -0.03, 0.02)
    assert found.p_above(-0.03) == pytest.approx(lower[1])
    assert found.p_below(0.02) == pytest.approx(upper[1])
    assert max(found.p_above(-0.03), found.p_below(0.02)) == pytest.approx(p)


def test_the_two_sided_p_is_twice_the_smaller_one_sided():
    found = one_sample(VALUES - 0.51)
    assert found.p == pytest.approx(2 * min(found.p_above(0), found.p_below(0)))


def test_ties_are_counted():
    found = one_sample([0.0, 0.1, 0.0, -0.1, np.nan])
    assert (found.ties, found.difference.n, found.difference.missing) == (2, 4, 1)


def test_equal_differences_count_as_the_sign_test_does():
    found = one_sample([0.2] * 10)
    assert found.p_above(0) == 0.5**10
    assert found.p_above(0.2) == found.p_below(0.2) == 1
    assert found.p_below(0.3) == 0.5**10


def test_smallest_detectable_difference_agrees_with_statsmodels():
    found = one_sample(VALUES)
    effect = TTestPower().solve_power(nobs=200, alpha=0.05, power=0.8)
    assert found.smallest_detectable == pytest.approx(effect * VALUES.std(ddof=1), rel=0.01)


@pytest.mark.parametrize("level", [0.8, 0.99])
def test_the_level_is_that_of_the_interval(level):
    found = one_sample(VALUES, level).difference
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
