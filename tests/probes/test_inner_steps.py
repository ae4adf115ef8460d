"""Step by step: both ends are what other probes measure, and a turn is the angle it is."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import probed
import pytest
import torch

import tiny
from innerloop.learners.gradient_based.methods import method
from innerloop.measurements.schemas import conform
from innerloop.networks.options import BLOCKS
from innerloop.probes.cka import cka
from innerloop.probes.inner_steps import inner_steps
from innerloop.probes.probe import ProbedModel
from innerloop.probes.protonet import protonet

OPTIONS = {"tasks": 3}
STEPS = 3


def values(model: ProbedModel) -> dict[tuple[str, str, int], list[float]]:
    """By quantity, layer and steps, in the order of the tasks."""
    found: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for row in sorted(inner_steps(model), key=lambda row: row["episode"]):
        found[row["quantity"], row["layer"], row["steps"]].append(row["value"])
    return found


def test_before_and_after_are_what_the_prototype_probe_measures(tmp_path: Path) -> None:
    chosen = method("maml", step_size=0.5)
    found = values(probed.model(tmp_path, chosen, OPTIONS))
    both: dict[str, list[float]] = defaultdict(list)
    for row in protonet(probed.model(tmp_path, chosen, OPTIONS)):
        both[row["condition"]].append(row["accuracy"])
    assert found["on_task", "", 0] == both["pre_adaptation"]
    assert found["on_task", "", STEPS] == both["on_task"]
    assert found["off_task", "", 0] == both["pre_adaptation_off_task"]
    assert found["off_task", "", STEPS] == both["off_task"]


def test_similarity_after_each_step_is_what_cka_measures(tmp_path: Path) -> None:
    chosen = method("maml", step_size=0.5)
    found = values(probed.model(tmp_path, chosen, OPTIONS))
    steps = {"steps": [1, 2, "test"]}
    rows = cka(probed.model(tmp_path, chosen, {**OPTIONS, **steps}))
    expected: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["episode"]):
        if row["estimator"] == "debiased":
            expected["cka", row["layer"], row["steps"]].append(row["similarity"])
    assert len(expected) == 5 * STEPS
    assert {key: found[key] for key in expected} == expected
    assert found["cka", "conv4", 0] == [1] * 3


def test_a_turn_is_the_angle_of_one_step(tmp_path: Path) -> None:
    model = probed.model(tmp_path, method("maml", step_size=0.5), OPTIONS, dtype=torch.float64)
    tasks = model.tasks(tiny.DATASET).batch(range(3))
    found = values(model)
    for steps in (1, 2, STEPS):
        before, after = (model.adapt(tasks, steps=taken).fast for taken in (steps - 1, steps))
        for layer in model.network.layers:
            for episode in range(3):
                one, other = (w[f"{layer}.weight"][episode].flatten() for w in (before, after))
                cosine = float(one @ other / one.norm() / other.norm())
                turned = found["turn", layer, steps][episode]
                assert math.cos(turned) == pytest.approx(cosine, abs=1e-12)
                assert turned > 0


def test_what_does_not_adapt_never_turns(tmp_path: Path) -> None:
    found = values(probed.model(tmp_path, method("anil", step_size=0.5), OPTIONS))
    for steps in range(STEPS + 1):
        assert all(found["turn", layer, steps] == [0] * 3 for layer in BLOCKS)
        assert all(found["cka", layer, steps] == [1] * 3 for layer in BLOCKS)
        assert found["on_task", "", steps] == found["on_task", "", 0]
    assert found["turn", "head", 0] == [0] * 3
    assert min(found["turn", "head", 1]) > 0


def test_a_task_that_diverged_is_undefined(tmp_path: Path) -> None:
    found = values(probed.model(tmp_path, method("maml", step_size=1e30), OPTIONS))
    assert all(math.isnan(value) for value in found["accuracy", "", STEPS])
    assert not any(math.isnan(value) for value in found["accuracy", "", 0])


def test_rows_fill_the_declared_table(tmp_path: Path) -> None:
    rows = inner_steps(probed.model(tmp_path, options=OPTIONS))
    table = conform(({**probed.MODEL_COLUMNS, **row} for row in rows), "inner_steps")
    assert table.num_rows == (STEPS + 1) * (3 + 2 * 5) * 3
