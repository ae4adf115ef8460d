"""Code of the user's own is tried on random images: what is right passes, what is wrong is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny
from innerloop.networks.options import NetworkOptions
from innerloop.probes.rehearsal import rehearse
from innerloop.runtime.built_in import PROBES
from innerloop.runtime.errors import ExtensionError, InnerloopError, SchemaError
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.rehearsal import Rehearsal
from innerloop.specs.train import TrainSpec

RULE = """
def step(weight, gradient, step_size):
    {}
    return weight - step_size * gradient
"""
PROBE = """
import innerloop


@innerloop.probe("loss")
def loss(model, tasks):
    weights = model.weights(6)
    return {}


def rows(model):
    for dataset in model.datasets:
        recorded = model.recorded(dataset, "test")
        for episode in recorded.index.tolist():
            columns = model.measured(dataset, "test", model.weights(), model.test_steps)
            yield {{**columns, "metric": "m", "layer": "", "episode": episode, {}}}
"""


def probe(spec: TrainSpec, entry: str, **options: Any) -> MeasureSpec:
    return MeasureSpec(
        table="mine",
        entry=entry,
        options={"tasks": 5000, **options},
        datasets=("patterns", "others"),
        queries=4,
        test_steps=2,
        tasks_at_once=100,
        model=spec,
        compute=spec.compute,
    )


def with_rule(folder: Path, line: str) -> TrainSpec:
    (folder / "rule.py").write_text(RULE.format(line), encoding="utf-8")
    method = replace(tiny.METHOD, update_rule=f"{folder / 'rule.py'}:step")
    # what it would train on is never asked for
    schedule = replace(tiny.TRAINING.schedule, iterations=60_000, checkpoints=(0, 6, 60_000))
    return replace(tiny.TRAINING, learner=method, schedule=schedule)


def test_a_right_rule_and_right_probes_pass(tmp_path: Path) -> None:
    spec = with_rule(tmp_path, "weight = weight * 1")
    file = tmp_path / "probe.py"
    file.write_text(PROBE.format("model.adapt(tasks).support_losses[0]", '"value": 1.0'))
    for name, options in (("loss", {"splits": ["test", "val"]}), ("rows", {})):
        rehearse(Rehearsal(training=spec, probe=probe(spec, f"{file}:{name}", **options)), tmp_path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("protonet", {"splits": ["test", "val"], "disjoint_classes": True}),
        ("protonet", {"joint": True}),
        ("cka", {"steps": ["test", 7], "over_training": ["patterns"], "training_tasks": 20}),
        ("interventions", {"which": "all", "over_training": ["patterns"]}),
        ("inner_steps", {}),
        ("other_settings", {"settings": ["3w9s"]}),
        ("other_similarities", {"neighbours": 3}),
        ("own_change", {}),
        ("scale_invariance", {"scale": 3.0}),
    ],
)
def test_built_in_probes_are_no_reason_to_refuse_a_right_rule(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    spec = with_rule(tmp_path, "weight = weight * 1")
    measured = replace(probe(spec, PROBES[name], **options), table=name)
    rehearse(Rehearsal(training=spec, probe=measured), tmp_path)


def test_a_rule_s_own_error_is_raised(tmp_path: Path) -> None:
    spec = with_rule(tmp_path, "if weight.norm() > 100: raise ValueError")
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        rehearse(Rehearsal(training=spec), tmp_path)


@pytest.mark.parametrize(
    ("name", "returned", "column", "error", "said"),
    [
        ("loss", "weights.slow", '"value": 1.0', InnerloopError, "one value per task"),
        ("loss", "1 / 0", '"value": 1.0', ZeroDivisionError, "division"),
        (
            *("rows", "None", '"valu": 1.0', SchemaError),
            r"made by .*/probe.py:rows: a row lacks the columns \['value'\] and has the unknown",
        ),
        ("rows", "None", '"value": "high"', SchemaError, "convert 'high'"),
    ],
)
def test_a_wrong_probe_is_told_before_a_model_is_trained(
    tmp_path: Path, name: str, returned: str, column: str, error: type[Exception], said: str
) -> None:
    file = tmp_path / "probe.py"
    file.write_text(PROBE.format(returned, column))
    rehearsal = Rehearsal(training=tiny.TRAINING, probe=probe(tiny.TRAINING, f"{file}:{name}"))
    with pytest.raises(error, match=said):
        rehearse(rehearsal, tmp_path)


def test_a_network_that_is_none_is_told(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, way, image_size, channels):\n"
        "        super().__init__()\n"
        "        self.head = nn.Linear(channels * image_size**2, way)\n\n"
        "    def forward(self, x):\n"
        "        return self.head(x.flatten(1)).detach()\n"
    )
    network = NetworkOptions(way=3, image_size=16, network=f"{file}:Net")
    with pytest.raises(ExtensionError, match="does not end with a dense layer"):
        rehearse(Rehearsal(training=replace(tiny.TRAINING, network=network)), tmp_path)


def test_a_loss_that_diverges_on_noise_is_no_fault_of_the_code(tmp_path: Path) -> None:
    spec = replace(tiny.TRAINING, learner=replace(tiny.METHOD, step_size=1e30))
    rehearse(Rehearsal(training=spec), tmp_path)
