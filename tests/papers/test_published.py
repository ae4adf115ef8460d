"""The papers' numbers are complete, and verdicts say what they should."""

from __future__ import annotations

import math

import pytest

from innerloop.measurements.described_study import DescribedStudy
from innerloop.papers.published import VERDICTS, judge, published
from synthetic import describe

NAN = math.nan


def test_every_published_number_is_there():
    rows = published(DescribedStudy(describe()))
    assert len(rows) == 47
    assert sum(row["item"] == "Table 2" for row in rows) == 20
    assert {row["kind"] for row in rows} == {"measured", "quoted"}
    first = rows[0]
    assert (first["method"], first["value"], first["spread"]) == ("maml", 47.8, 1.0)


@pytest.mark.parametrize(
    ("ours", "half_width", "verdict"),
    [
        (48.5, 1.0, "agrees"),
        (46.0, 1.9, "agrees"),
        (49.9, 2.5, "inconclusive"),
        (50.5, 1.0, "differs"),
        (50.5, 3.0, "inconclusive"),
        (60.0, 3.0, "differs"),
        (48.0, NAN, "inconclusive"),
        (NAN, NAN, "not run"),
    ],
)
def test_accuracies_are_judged_by_size(ours, half_width, verdict):
    assert judge("accuracy", 47.8, 1.0, ours, half_width) == verdict


@pytest.mark.parametrize(
    ("metric", "paper", "ours", "half_width", "verdict"),
    [
        ("step_size_mean.conv1", -0.006, -0.02, NAN, "same sign"),
        ("step_size_mean.conv1", -0.006, 0.001, NAN, "opposite sign"),
        ("step_size_mean.head", 0.043, 0.01, 0.02, "inconclusive"),
        ("step_size_sd.head", 0.072, 0.05, NAN, "agrees"),
        ("step_size_sd.head", 0.072, 0.02, NAN, "differs"),
        ("protonet_off_task_minus_pre", 0.2, 0.5, 0.1, "same sign"),
        ("protonet_off_task_minus_pre", 0.2, 3.0, 0.1, "same sign"),
        ("protonet_off_task_minus_pre", 0.2, 0.05, 0.1, "inconclusive"),
        ("protonet_off_task_minus_pre", 0.2, -0.5, 0.1, "opposite sign"),
    ],
)
def test_what_p2_argues_by_direction_is_judged_by_direction(
    metric, paper, ours, half_width, verdict
):
    assert judge(metric, paper, NAN, ours, half_width) == verdict
    assert verdict in VERDICTS


@pytest.mark.parametrize(
    ("ours", "effect", "verdict"),
    [
        (0.03, 0.1, "same sign"),
        (0.03, -0.1, "opposite sign"),
        (0.3, 0.1, "inconclusive"),
        (0.3, -0.1, "inconclusive"),
    ],
)
def test_a_p_value_is_judged_by_what_it_is_of(ours, effect, verdict):
    found = judge("protonet_relative_change_p_value", 0.00044, NAN, ours, NAN, effect)
    assert found == verdict
