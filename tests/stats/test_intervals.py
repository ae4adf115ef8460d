"""Intervals agree with scipy; missing values are counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from innerloop.stats.intervals import mean_interval

VALUES = np.random.default_rng(0).normal(0.5, 0.1, 200)


def test_normal_interval_is_the_papers():
    interval = mean_interval(VALUES)
    assert interval.half_width == pytest.approx(1.96 * VALUES.std(ddof=1) / np.sqrt(200), rel=1e-4)
    assert interval.mean == pytest.approx(VALUES.mean())
    assert (interval.n, interval.missing) == (200, 0)


def test_t_interval_agrees_with_scipy():
    interval = mean_interval(VALUES, "t")
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_bootstrap_is_repeatable_and_near_the_normal_interval():
    interval = mean_interval(VALUES, "bootstrap")
    assert interval == mean_interval(VALUES, "bootstrap")
    assert interval.half_width == pytest.approx(mean_interval(VALUES).half_width, rel=0.05)


@pytest.mark.parametrize("kind", ["normal", "t", "bootstrap"])
def test_missing_values_are_counted(kind):
    interval = mean_interval([*VALUES, np.nan, np.nan], kind)
    assert (interval.n, interval.missing) == (200, 2)
    assert interval.mean == pytest.approx(VALUES.mean())


@pytest.mark.parametrize("kind", ["normal", "t", "bootstrap"])
def test_too_few_values_have_no_interval(kind):
    assert np.isnan(mean_interval([], kind).mean)
    one = mean_interval([0.3, np.nan], kind)
    assert (one.mean, one.n, one.missing) == (0.3, 1, 1)
    assert np.isnan(one.half_width)


def test_bootstrap_of_a_constant():
    assert mean_interval([0.2] * 5, "bootstrap").half_width == 0
