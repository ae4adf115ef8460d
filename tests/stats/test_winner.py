"""The best value is marked only where paired tests tell it from all others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from innerloop.stats.statistics import Statistics
from innerloop.stats.winner import by_episode, winner

TASKS = np.random.default_rng(0).normal(0.5, 0.1, 200)


def method(gain: float, seed: int) -> pd.Series:
    return pd.Series(TASKS + gain + np.random.default_rng(seed).normal(0, 0.02, 200))


def test_a_planted_best_is_found():
    candidates = {"a": method(0, 1), "b": method(0.02, 2), "c": method(0, 3)}
    assert winner(candidates, Statistics()) == "b"


def test_one_rival_that_is_level_keeps_the_mark_away():
    candidates = {"a": method(0.02, 1), "b": method(0.0201, 2), "c": method(0, 3)}
    assert winner(candidates, Statistics()) is None


def test_the_number_of_rivals_counts():
    noise = np.random.default_rng(1).normal(0, 1, (2, 200))
    noise = (noise - noise.mean(1, keepdims=True)) / noise.std(1, ddof=1, keepdims=True)
    behind = 2.19 / np.sqrt(200)  # t = 2.19: p = 0.03 for each rival alone
    rivals = {str(i): pd.Series(TASKS - behind - values) for i, values in enumerate(noise)}
    candidates = {"best": pd.Series(TASKS), **rivals}
    assert winner(candidates, Statistics(correction="none")) == "best"
    assert winner(candidates, Statistics(correction="holm")) is None


def test_alone_nothing_is_best():
    assert winner({"a": method(0, 1)}, Statistics()) is None


def test_a_null_is_marked_rarely():
    marked = sum(
        winner({"a": method(0, 2 * i), "b": method(0, 2 * i + 1)}, Statistics()) is not None
        for i in range(400)
    )
    assert 400 * 0.05 - 3 * 4.4 <= marked <= 400 * 0.05 + 3 * 4.4


def test_seeds_are_averaged_and_a_missing_one_is_missing():
    rows = pd.DataFrame(
        {"episode": [0, 0, 1, 1], "seed": [0, 1, 0, 1], "accuracy": [0.2, 0.4, 0.5, np.nan]}
    )
    found = by_episode(rows, "accuracy")
    assert found[0] == pytest.approx(0.3)
    assert np.isnan(found[1])
