"""What every probe is given: the weights, and by which steps they are to adapt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import probed
import pytest
import torch

import innerloop
import tiny
from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.methods import method
from innerloop.measurements.schemas import conform
from innerloop.probes.cka import cka
from innerloop.probes.probe import ProbedModel
from innerloop.probes.protonet import protonet
from innerloop.runtime.built_in import PROBES
from innerloop.runtime.errors import InnerloopError
from innerloop.study.reading import read_study_file
from innerloop.study.study import Study
from innerloop.training.model_file import Weights


@pytest.mark.parametrize(("name", "factor"), [("maml", 1), ("maml_3x", 3), ("anil", 1)])
def test_a_test_step_size_is_that_of_every_step(tmp_path: Path, name: str, factor: int):
    trained, weights = (
        probed.model(tmp_path, method(name, step_size=0.1), test_step_size=size).weights()
        for size in (None, -0.02)
    )
    assert weights.state["step_sizes"].keys() == trained.state["step_sizes"].keys()
    for name, size in weights.state["step_sizes"].items():
        assert float(size) == pytest.approx(-0.02 * factor)
        assert float(trained.state["step_sizes"][name]) == pytest.approx(0.1 * factor)


def test_weights_move_and_splits_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = probed.model(tmp_path)
    moves, to = [], Weights.to

    def counted(weights: Weights, device: torch.device) -> Weights:
        moves.append(device)
        return to(weights, device)

    monkeypatch.setattr(Weights, "to", counted)
    for _ in range(2):
        model.adapt(model.tasks(tiny.DATASET).batch(range(2)))
        model.files[tiny.DATASET].splits.unlink(missing_ok=True)
    assert len(moves) == 1


def test_after_no_steps_nothing_has_changed(tmp_path: Path):
    model = probed.model(tmp_path, options={"tasks": 2, "steps": ["test"]}, test_steps=0)
    similarities = [row["similarity"] for row in cka(model)]
    assert similarities == pytest.approx([1] * len(similarities))
    model = probed.model(tmp_path, options={"tasks": 2}, test_steps=0)
    by_condition: dict[str, list[float]] = {}
    for row in protonet(model):
        by_condition.setdefault(row["condition"], []).append(row["accuracy"])
    assert by_condition["on_task"] == by_condition["pre_adaptation"]
    assert by_condition["off_task"] == by_condition["pre_adaptation_off_task"]


def test_a_function_of_a_batch_measures_every_task_once(tmp_path: Path):
    @innerloop.probe("moved")
    def moved(model: ProbedModel, tasks: TaskBatch):
        slow, fast = model.weights().slow, model.adapt(tasks).fast
        return {"conv1": (fast["conv1.weight"] - slow["conv1.weight"]).flatten(1).norm(dim=1)}

    model = probed.model(tmp_path, options={"tasks": 5}, tasks_at_once=2)
    rows = list(moved(model))
    assert [row["episode"] for row in rows] == [0, 1, 2, 3, 4]
    table = conform(({**probed.MODEL_COLUMNS, **row} for row in rows), "moved")
    assert set(table.column("layer").to_pylist()) == {"conv1"}
    together = probed.model(tmp_path, options={"tasks": 5}, tasks_at_once=5)
    assert [row["value"] for row in moved(together)] == pytest.approx(
        [row["value"] for row in rows]
    )
    assert min(row["value"] for row in rows) > 0


@pytest.mark.parametrize(
    ("value", "options", "said"),
    [
        (torch.zeros(3), {"tasks": 2}, r"returned \[3\] for the network; expected .* \[2\]"),
        (1.0, {"tasks": 2}, "returned 1.0 for the network"),
        ({"conv1": torch.zeros(2, 1)}, {"tasks": 2}, r"returned \[2, 1\] for conv1"),
        (torch.zeros(2), {}, "probes.mine: tasks is None; say how many"),
    ],
)
def test_what_is_no_value_per_task_is_refused(
    tmp_path: Path, value: object, options: dict[str, int], said: str
):
    made = innerloop.probe("mine")(lambda model, tasks: value)
    model = probed.model(tmp_path, options=options)
    named = replace(model, spec=replace(model.spec, table="mine"))
    with pytest.raises(InnerloopError, match=said):
        list(made(named))


def test_every_probe_but_one_that_is_for_your_own_settings_is_run_by_a_study_that_ships():
    files = sorted((Path(__file__).parents[2] / "config").rglob("*.yaml"))
    whole = [content for file in files if "models" in (content := read_study_file(file))]
    run = {probe for one in whole for model in Study(one).models.values() for probe in model.probes}
    assert {*PROBES} - run == {"other_settings"}
