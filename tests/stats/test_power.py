"""What a study can detect follows from the variances that an earlier one found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from innerloop.stats.power import Size, Spread, needed, smallest_detectable
from innerloop.stats.t_tests import generalised, one_sample
from verdict_nulls import REST_SD, TASK_SD, Cell

sds = st.floats(0, 10)
spreads = st.builds(Spread, sds, sds, sds, sds, sds)
sizes = st.builds(Size, st.integers(2, 50), st.integers(2, 100), st.integers(10, 5000))


@pytest.mark.parametrize(
    ("trainings", "tasks", "sd"),
    [(5, 600, (4, 1, 2)), (10, 600, (2, 2, 0)), (5, 2000, (4, 0.5, 0))],
)
def test_it_is_what_such_a_study_says_of_itself(trainings, tasks, sd):
    cell = Cell("normal", 20, tasks, trainings, *sd)
    shares = cell.shares()
    values = cell.values(shares, 40, np.random.default_rng(0))
    said = [generalised(one, shares).smallest_detectable for one in values]
    foreseen = smallest_detectable(Spread(*sd, TASK_SD, REST_SD), Size(trainings, 20, tasks))
    assert foreseen == pytest.approx(np.median(said), rel=0.15)


@pytest.mark.parametrize("what", ["classes", "trainings"])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_of_one_effect_it_is_what_a_t_test_of_as_many_values_detects(what, level):
    """With degrees of freedom that are few, and so matter."""
    values = np.random.default_rng(0).normal(size=4)
    size = Size(**{"trainings": 50, "classes": 50, "tasks": 600, what: len(values)})
    foreseen = smallest_detectable(Spread(**{what: values.std(ddof=1)}), size, level)
    assert foreseen == pytest.approx(one_sample(values, level).smallest_detectable)


@given(spreads, sizes, st.floats(0.1, 10), st.sampled_from(["trainings", "classes", "tasks"]))
def test_what_is_needed_detects_and_fewer_do_not(spread, size, difference, what):
    number = needed(spread, size, difference, what)
    sized = {name: getattr(size, name) for name in ("trainings", "classes", "tasks")}
    if number is None:
        most = Size(**{**sized, what: 1_000_000})
        assert smallest_detectable(spread, most) >= difference * (1 - 1e-3)
        return
    assert smallest_detectable(spread, Size(**{**sized, what: number})) <= difference
    if number > (5 if what == "trainings" else 2):
        fewer = Size(**{**sized, what: number - 1})
        assert smallest_detectable(spread, fewer) > difference


def test_one_training_detects_nothing_and_fewer_than_five_decide_nothing():
    spread = Spread(trainings=0.01)
    assert math.isinf(smallest_detectable(spread, Size(1, 20, 600)))
    assert needed(spread, Size(3, 20, 600), 1.0, "trainings") == 5


def test_classes_alone_may_hide_a_difference_from_any_number_of_trainings():
    spread = Spread(classes=6.0, trainings=0.5, tasks=8.0, rest=5.0)
    assert needed(spread, Size(5, 20, 600), 3.0, "trainings") is None
    assert needed(spread, Size(5, 20, 600), 3.0, "classes") > 20
