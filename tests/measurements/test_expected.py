"""Learned step sizes are gathered whole: as many of each parameter as it has numbers."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.measurements.aggregate import gather
from innerloop.networks.network import Network
from innerloop.runtime.errors import SchemaError
from innerloop.runtime.provenance import read_provenance, record, write_table
from innerloop.specs.train import TrainSpec
from innerloop.study.jobs import Jobs
from innerloop.study.paths import LOGGED
from innerloop.study.study import Study
from innerloop.training.dynamics import dynamics_rows
from innerloop.training.outer_step import outer_step_rows
from innerloop.training.training_log import write_logs

ROOT = Path(__file__).resolve().parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
LEARNED = {
    "meta_sgd": {},
    "uniform": {"method": "meta_sgd", "step_size": [0.005, 0.1]},
    "fixed_norm": {"method": "meta_sgd", "adapt_batch_norm": False},
    "untrained": {"method": "meta_sgd", "iterations": 0},
    "group": {"method": "meta_sgd", "network_options": {"normalisation": "group"}},
    "resnet": {
        "method": "meta_sgd",
        "network": "resnet12",
        "network_options": {"widths": [2, 2, 2, 2]},
    },
    "per_layer": {},
    "per_step": {},
}
METHODS = {
    "per_layer": {"learn_step_size": "layer"},
    "per_step": {"learn_step_size": "step_and_layer"},
}


def specs(**variants: dict[str, Any]) -> dict[str, TrainSpec]:
    """The trainings of a small study, by their variants under P2."""
    content = copy.deepcopy(SMOKE)
    content["methods"] = METHODS
    content["protocols"]["p2"]["variants"] = {"maml": {}, **variants}
    study = Study(content)
    return {key.variant: Jobs(study).train(key) for key in study.models if key.protocol == "p2"}


def logs(spec: TrainSpec, folder: Path) -> Path:
    """What a training that moves nothing writes."""
    schedule, last = spec.schedule, spec.schedule.iterations
    learner = GradientLearner(spec.learner, schedule.train_steps)
    state = learner.init(Network.of(spec.network), 0)
    logged = {0, last, *range(0, last, schedule.validation_every), *schedule.checkpoints}
    slow = state["slow"]
    training = SimpleNamespace(
        curves=[],
        outer_steps=[
            row
            for iteration in sorted(logged - {0})
            for row in outer_step_rows(iteration, slow, slow)
        ],
        dynamics=[
            row for iteration in sorted(logged) for row in dynamics_rows(iteration, learner, state)
        ],
    )
    model = SimpleNamespace(method=spec.learner, step_sizes=state["step_sizes"], last=last)
    folder.mkdir()
    write_logs(training, model, folder, record(spec))  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("variant", ["maml", *LEARNED])
def test_what_a_training_writes_is_gathered(tmp_path: Path, variant: str) -> None:
    spec = specs(**LEARNED)[variant]
    folder = logs(spec, tmp_path / variant)
    for table, file in (("step_size", "dynamics"), ("step_size_value", "step_sizes")):
        rows, _ = gather(table, {str(folder / f"{file}.parquet"): spec})
        assert bool(rows.num_rows) == (variant != "maml")


def test_a_step_size_of_each_step_is_a_row_of_its_own(tmp_path: Path) -> None:
    spec = specs(**LEARNED)["per_step"]
    rows = pq.read_table(logs(spec, tmp_path / "model") / "step_sizes.parquet").to_pandas()
    steps = list(range(1, spec.schedule.train_steps + 1))
    assert set(rows.groupby(["layer", "parameter"])["step"].apply(tuple)) == {tuple(steps)}


@pytest.mark.parametrize("table", ["step_size", "weight_norm", "outer_step"])
def test_a_row_of_another_network_that_is_lost_is_missed(tmp_path: Path, table: str) -> None:
    spec = specs(**LEARNED)["resnet"]
    path = logs(spec, tmp_path / "model") / LOGGED[table]
    rows, provenance = pq.read_table(path), read_provenance(path)
    for lost, said in ((rows.slice(1), "1 of"), (rows.slice(0, 0), "head")):
        write_table(lost, path, provenance)
        with pytest.raises(SchemaError, match=said):
            gather(table, {str(path): spec})


@pytest.mark.parametrize(
    ("table", "file", "lost", "said"),
    [
        ("step_size_value", "step_sizes", slice(100, None), "iteration 4, layer conv1"),
        ("step_size_value", "step_sizes", slice(1, None), "count [0-9]+ is missing"),
        ("step_size_value", "step_sizes", slice(0), "18 of 18 rows are missing"),
        ("step_size", "dynamics", slice(1, None), "parameter weight, count 216 is missing"),
    ],
)
def test_step_sizes_that_are_lost_are_missed(
    tmp_path: Path, table: str, file: str, lost: slice, said: str
) -> None:
    spec = specs(**LEARNED)["meta_sgd"]
    path = logs(spec, tmp_path / "model") / f"{file}.parquet"
    provenance, rows = read_provenance(path), pq.read_table(path).to_pylist()
    write_table(pa.Table.from_pylist(rows[lost], pq.read_schema(path)), path, provenance)
    with pytest.raises(SchemaError, match=said):
        gather(table, {str(path): spec})
