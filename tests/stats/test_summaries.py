"""One row a group; seeds stand apart and say nothing when there is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from innerloop.stats.intervals import mean_interval
from innerloop.stats.statistics import Statistics
from innerloop.stats.summaries import summarise

VALUES = np.random.default_rng(0).normal(0.5, 0.1, 200)


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


@pytest.mark.parametrize(("trainings", "n"), [(1, 0), (3, 200)])
def test_a_training_that_diverged_is_no_seed_and_its_tasks_are_missing(trainings, n):
    frame = _measured(trainings)
    frame.loc[frame["seed"] == trainings - 1, "value"] = np.nan
    summary = summarise(frame, ["variant"], "value")
    assert summary["missing"].tolist() == [200, 200]
    assert summary["seeds"].tolist() == [trainings - 1] * 2
    assert summary["n"].tolist() == [n, n]


def test_no_rows_give_no_groups():
    assert summarise(_measured(1).iloc[:0], ["variant"], "value").empty


def test_the_interval_over_seeds_is_students():
    summary = summarise(_measured(3), ["variant"], "value").set_index("variant").loc["a"]
    means = [VALUES.mean(), VALUES.mean() + 0.1, VALUES.mean() + 0.2]
    assert summary["seed_half_width"] == pytest.approx(mean_interval(means, "t").half_width)
    assert summarise(_measured(1), ["variant"], "value")["seed_half_width"].isna().all()


@pytest.mark.parametrize("kind", ["normal", "t", "bootstrap"])
def test_the_study_chooses_kind_and_level(kind):
    chosen = Statistics(kind, 0.8)
    summary = summarise(_measured(1), ["variant"], "value", chosen)
    expected = mean_interval(VALUES, kind, 0.8)
    assert (summary["low"][0], summary["high"][0]) == pytest.approx((expected.low, expected.high))
