"""Intervals and tests agree with scipy; missing values are counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from innerloop.errors import InnerloopError
from innerloop.tables.statistics import (
    mean_interval,
    one_sample,
    paired_difference,
    summarise,
    welch,
)

VALUES = np.random.default_rng(0).normal(0.5, 0.1, 200)
OTHERS = np.random.default_rng(1).normal(0.45, 0.3, 150)


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


def _measured(seeds: int) -> pd.DataFrame:
    rows = [
        {"variant": variant, "seed": seed, "value": value + 0.1 * seed}
        for variant in ("b", "a")
        for seed in range(seeds)
        for value in VALUES
    ]
    return pd.DataFrame(rows)


def test_one_seed_has_no_seed_statistics():
    summary = summarise(_measured(1), ["variant"], "value")
    assert summary["variant"].tolist() == ["b", "a"]
    assert summary["seeds"].tolist() == [1, 1]
    assert summary["seed_sd"].isna().all()
    assert summary["half_width"][0] == pytest.approx(mean_interval(VALUES).half_width)


def test_several_seeds_are_averaged_and_their_spread_stands_apart():
    summary = summarise(_measured(3), ["variant"], "value").set_index("variant").loc["a"]
    assert summary["mean"] == pytest.approx(VALUES.mean() + 0.1)
    assert summary["half_width"] == pytest.approx(mean_interval(VALUES).half_width)
    assert summary["seed_sd"] == pytest.approx(0.1)
    assert (summary["n"], summary["seeds"]) == (200, 3)


def test_groups_count_missing_values_of_all_seeds():
    frame = _measured(2)
    frame.loc[frame["seed"] == 1, "value"] = np.nan
    summary = summarise(frame, ["variant"], "value")
    assert summary["missing"].tolist() == [200, 200]
    assert summary["n"].tolist() == [0, 0]


def test_no_rows_give_no_groups():
    assert summarise(_measured(1).iloc[:0], ["variant"], "value").empty


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
