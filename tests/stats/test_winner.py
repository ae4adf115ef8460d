"""The best value is marked only where the trainings of both tell it from all others as a method."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from innerloop.stats.statistics import Statistics
from innerloop.stats.winner import by_training, winner

RNG = np.random.default_rng(0)
TASKS = RNG.normal(0.5, 0.1, (100, 1))


def method(gain: float, seed: int, *, trainings: int = 6, spread: float = 0.003) -> pd.DataFrame:
    """Accuracies by task and training, trainings `spread` apart."""
    draws = np.random.default_rng(seed)
    of_trainings = draws.normal(0, spread, trainings)
    return pd.DataFrame(TASKS + gain + of_trainings + draws.normal(0, 0.02, (100, trainings)))


def test_a_planted_best_is_found():
    candidates = {"a": method(0, 1), "b": method(0.02, 2), "c": method(0, 3)}
    assert winner(candidates, Statistics()) == "b"


def test_one_rival_that_is_level_keeps_the_mark_away():
    candidates = {"a": method(0.02, 1), "b": method(0.0201, 2), "c": method(0, 3)}
    assert winner(candidates, Statistics()) is None


@pytest.mark.parametrize(("trainings", "found"), [(1, None), (4, None), (5, "b")])
def test_few_trainings_mark_nothing(trainings, found):
    candidates = {"a": method(0, 1, trainings=12), "b": method(0.05, 2, trainings=trainings)}
    assert winner(candidates, Statistics()) == found


def test_trainings_that_are_far_apart_mark_nothing_however_many_tasks():
    candidates = {"a": method(0, 1, spread=0.05), "b": method(0.02, 4, spread=0.05)}
    assert winner(candidates, Statistics()) is None


def test_classes_that_are_far_apart_mark_nothing():
    shares = np.eye(10)[RNG.integers(0, 10, 100)]
    moved = shares @ RNG.normal(0, 0.05, 10)
    better = (method(0.02, 2).T + moved - moved.mean()).T
    candidates = {"a": method(0, 1), "b": better}
    assert winner(candidates, Statistics()) == "b"
    assert winner(candidates, Statistics(), lambda episodes: shares[episodes]) is None


def test_more_trainings_of_one_make_it_no_better_on_those_that_both_have():
    a = method(0.02, 1)
    b = pd.concat([method(0, 2), method(0.2, 3).set_axis(range(6, 12), axis=1)], axis=1)
    assert winner({"a": a, "b": b}, Statistics()) is None


def test_a_training_that_diverged_is_left_out():
    a, b = method(0, 1), method(0.02, 2)
    a[0] = np.nan
    assert winner({"a": a, "b": b}, Statistics()) == "b"


def test_the_number_of_rivals_counts():
    base = np.tile(TASKS, 6)
    noise = np.random.default_rng(1).normal(0, 1, (2, 6))
    noise = (noise - noise.mean(1, keepdims=True)) / noise.std(1, ddof=1, keepdims=True)
    behind = 3.0 / np.sqrt(6)  # t = 3 of 5 degrees: p = 0.03 for each rival alone
    rivals = {str(i): pd.DataFrame(base - behind - values) for i, values in enumerate(noise)}
    candidates = {"best": pd.DataFrame(base), **rivals}
    assert winner(candidates, Statistics(correction="none")) == "best"
    assert winner(candidates, Statistics(correction="holm")) is None


def test_alone_nothing_is_best():
    assert winner({"a": method(0, 1)}, Statistics()) is None


def test_a_null_is_marked_rarely():
    marked = sum(
        winner(
            {"a": method(0, 2 * i, spread=0.01), "b": method(0, 2 * i + 1, spread=0.01)},
            Statistics(),
        )
        is not None
        for i in range(200)
    )
    assert 200 * 0.05 - 3 * 3.1 <= marked <= 200 * 0.05 + 3 * 3.1


def test_values_are_by_task_and_training():
    rows = pd.DataFrame(
        {"episode": [0, 0, 1, 1], "seed": [0, 1, 0, 1], "accuracy": [0.2, 0.4, 0.5, np.nan]}
    )
    found = by_training(rows, "accuracy")
    assert found.loc[0, 1] == 0.4
    assert np.isnan(found.loc[1, 1])
