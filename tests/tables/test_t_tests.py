"""Tests agree with scipy and statsmodels; ties and missing values are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from innerloop.errors import InnerloopError
from innerloop.tables.t_tests import one_sample, paired_difference, welch

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
