"""The papers' numbers are complete, and verdicts say what they should."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from innerloop.measurements.described_study import DescribedStudy
from innerloop.papers.published import VERDICTS, compared, judge, published
from innerloop.stats.populations import Answer
from synthetic import ROLES, Memory, describe, measured

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
        ("step_size_sd.head", 0.072, 0.05, NAN, "agrees"),
        ("step_size_sd.head", 0.072, 0.02, NAN, "differs"),
    ],
)
def test_spreads_are_judged_by_a_factor_of_two(metric, paper, ours, half_width, verdict):
    assert judge(metric, paper, NAN, ours, half_width) == verdict


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ("holds", "same sign"),
        ("fails", "opposite sign"),
        ("leans to it", "leans to the same sign"),
        ("leans against it", "leans to the opposite sign"),
        ("inconclusive", "inconclusive"),
        ("not judged", "not judged"),
    ],
)
@pytest.mark.parametrize(
    "metric",
    ["step_size_mean.head", "protonet_off_task_minus_pre", "protonet_relative_change_p_value"],
)
def test_what_p2_argues_by_direction_is_judged_for_the_method(metric, found, verdict):
    assert judge(metric, 0.2, NAN, 0.03, 0.01, Answer(found)) == verdict
    assert verdict in VERDICTS


@pytest.mark.parametrize(
    ("trainings", "gain", "verdict"),
    [
        (1, 0.1, "not judged"),
        (3, 0.1, "leans to the same sign"),
        (5, 0.1, "same sign"),
        (5, -0.1, "opposite sign"),
    ],
)
def test_p2s_p_value_is_that_of_the_method_beside_what_the_paper_may_have_computed(
    tmp_path, trainings, gain, verdict
):
    description = describe(("maml",), ("maml", "meta_sgd"), roles={name: name for name in ROLES})
    for model in description["models"]:
        model.update({"image_size": 84, "filters": 64, "iterations": 60000})
    rng, parts = np.random.default_rng(0), []
    for training in range(trainings):
        for variant, change in (("maml", 0.0), ("meta_sgd", gain)):
            for condition in CONDITIONS:
                moved = (change + 0.01 * rng.normal()) * (condition == "off_task")
                accuracy = 0.5 + moved + 0.02 * rng.normal(size=60)
                parts.append(prototypes(variant, training, condition, accuracy))
    evidence = Memory({"protonet": pd.concat(parts)}, description)
    (row,) = [row for row in compared(evidence) if row["metric"].endswith("p_value")]
    assert row["verdict"] == verdict
    assert max(row["ours"], row["welch_p"]) < 1e-4
    assert (row["method_note"] == "one training") == np.isnan(row["method_p"]) == (trainings == 1)


CONDITIONS = ("pre_adaptation", "on_task", "pre_adaptation_off_task", "off_task")


def prototypes(variant, seed, condition, accuracy):
    """Rows of the table `protonet`."""
    rows = measured(variant, accuracy, seed, protocol="p2", condition=condition, checkpoint="last")
    return rows.assign(steps=5, eval_store="pickles-84")
