"""Models are measured on the very tasks of other settings, as far as their heads allow it."""

from __future__ import annotations

from pathlib import Path

import probed
import pytest

import tiny
from innerloop.probes.other_settings import other_settings
from innerloop.training.evaluation import query_results


def test_the_tasks_are_those_of_the_setting_and_the_model_is_as_it_was(tmp_path: Path) -> None:
    options = {"settings": ["3w1s", "3w3s", "4w1s"], "tasks": 5}
    model = probed.model(tmp_path, options=options)
    rows = [*other_settings(model)]
    assert {row["tested_setting"] for row in rows} == {"3w1s", "3w3s"}  # its head has 3 classes
    weights = model.weights("best")
    for shot in (1, 3):
        tasks = tiny.tasks("test", shot=shot, queries=model.spec.queries)
        alone = query_results(
            model.network, model.learner, weights.state, tasks.batches(5, 1), model.test_steps
        )
        here = [row for row in rows if row["tested_shot"] == shot]
        assert [row["episode"] for row in here] == [*range(5)]
        assert [row["loss"] for row in here] == pytest.approx(alone.losses.tolist(), rel=1e-4)
        assert [row["accuracy"] for row in here] == pytest.approx(alone.accuracies.tolist())
    assert {row["checkpoint"] for row in rows} == {"best"}
