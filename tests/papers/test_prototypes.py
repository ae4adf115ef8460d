"""P2's recipe: changes are paired on the task, models on the episode."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from innerloop.papers.prototypes import between_models, changes
from innerloop.stats.t_tests import one_sample

EPISODES = 400


def _protonet(on: float, off: float, seed: int, seeds: int = 1) -> pd.DataFrame:
    """Accuracies with planted changes; tasks are the same whatever the seed, noise is not."""
    tasks = np.random.default_rng(9)
    here, there = tasks.normal(0.5, 0.1, (2, EPISODES))
    parts = []
    for model_seed in range(seeds):
        noise = np.random.default_rng([seed, model_seed])
        for condition, accuracy in {
            "pre_adaptation": here,
            "on_task": here + on,
            "pre_adaptation_off_task": there,
            "off_task": there + off,
        }.items():
            measured = accuracy + noise.normal(0, 0.01, EPISODES)
            parts.append(
                pd.DataFrame(
                    {
                        "episode": np.arange(EPISODES),
                        "condition": condition,
                        "accuracy": measured,
                        "seed": model_seed,
                    }
                )
            )
    return pd.concat(parts)


def test_planted_changes_are_found():
    changed = changes(_protonet(-0.02, 0.01, seed=1))
    assert changed.mean().to_dict() == pytest.approx(
        {"on_task": -0.02, "off_task": 0.01, "relative": 0.03}, abs=0.003
    )
    assert len(changed) == EPISODES


def test_within_a_model_agrees_with_scipy():
    frame = _protonet(-0.02, 0.0, seed=1)
    wide = frame.pivot_table(index="episode", columns="condition", values="accuracy")
    expected = stats.ttest_rel(wide["on_task"], wide["pre_adaptation"])
    found = one_sample(changes(frame)["on_task"])
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_between_models_agrees_with_scipy():
    a, b = changes(_protonet(-0.01, 0.01, seed=1)), changes(_protonet(0.01, -0.01, seed=2))
    found = between_models(a, b)
    paired = stats.ttest_rel(a["relative"], b["relative"])
    independent = stats.ttest_ind(a["relative"], b["relative"], equal_var=False)
    assert found["paired"].p == pytest.approx(paired.pvalue)
    assert found["welch"].t == pytest.approx(independent.statistic)


def test_seeds_are_averaged_before_testing():
    changed = changes(_protonet(0.0, 0.0, seed=1, seeds=4))
    assert len(changed) == EPISODES
    one = changes(_protonet(0.0, 0.0, seed=1))
    assert changed["relative"].std() == pytest.approx(one["relative"].std() / 2, rel=0.15)


def test_a_missing_condition_is_missing_not_zero():
    frame = _protonet(0.0, 0.0, seed=1)
    changed = changes(frame[frame["condition"] != "off_task"])
    assert changed["off_task"].isna().all()
    assert one_sample(changed["off_task"]).difference.missing == EPISODES


def test_a_task_that_diverged_for_one_seed_has_no_change():
    rows = _protonet(0.1, 0.2, seed=0, seeds=2)
    broken = (rows["episode"] == 7) & (rows["seed"] == 1) & (rows["condition"] == "on_task")
    found = changes(rows.assign(accuracy=rows["accuracy"].mask(broken)))
    whole = changes(rows)
    assert found.loc[7, ["on_task", "relative"]].isna().all()
    assert found.loc[7, "off_task"] == whole.loc[7, "off_task"]
    pd.testing.assert_frame_equal(found.drop(7), whole.drop(7))


def test_an_episode_of_which_a_seed_is_missing_is_missing():
    frame = _protonet(0.0, 0.0, seed=1, seeds=3)
    bad = (frame["seed"] == 1) & (frame["episode"] == 7) & (frame["condition"] == "on_task")
    every = frame["episode"] == 9
    changed = changes(frame.assign(accuracy=frame["accuracy"].mask(bad | every)))
    assert changed["on_task"].isna().sum() == 2
    assert changed["off_task"].isna().sum() == 1
    assert len(changed) == EPISODES
    assert one_sample(changed["relative"]).difference.missing == 2
