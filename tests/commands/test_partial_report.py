"""The report of what is there: each file that cannot be used is left out by itself, and named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.commands.partial_report import write_partial_report
from innerloop.measurements.rows import RAW_PIXELS, model_columns, with_columns
from innerloop.measurements.schemas import conform
from innerloop.runtime.files import write_json
from innerloop.runtime.provenance import record, write_table
from innerloop.runtime.typed_json import as_json
from innerloop.specs.measure import MeasureSpec, RawPixelsSpec
from innerloop.study import paths
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.products import Products
from innerloop.study.study import Study
from shipped import TABLES

SMOKE = Path(__file__).parents[2] / "config/smoke.yaml"
FAILED = {"what": "Train boil", "reason": "DivergenceError: the loss is nan", "log": "boil.log"}
STALE = "Left out: files that were made by another study file or other code than now"


class Shown(Products):
    """What is made of what is there; other figures and tables are so, too, in more time."""

    def __init__(self, study: Study) -> None:
        super().__init__(study)
        self.figures, self.tables = [], [TABLES["p1_table1_accuracy"]]


def write_accuracies(path: str, spec: MeasureSpec | RawPixelsSpec, more: float = 0.0) -> None:
    """Write a file of accuracies as its job would."""
    if isinstance(spec, MeasureSpec):
        identity, datasets = model_columns(spec.model), spec.datasets
        tasks, splits = spec.options["tasks"], spec.options["splits"]
    else:
        identity, datasets = RAW_PIXELS | {"way": 5, "shot": 1}, (spec.dataset,)
        tasks, splits = spec.tasks, spec.splits
    rows = [
        {
            **{"setting": "5w1s", "eval_dataset": dataset, "eval_store": "16", "split": split},
            **{"checkpoint": "best", "iteration": 4, "steps": 3, "queries": 5, "loss": 1.0},
            **{"batch_norm": "batch", "episode": episode, "accuracy": 0.4 + more + episode / 100},
        }
        for dataset in datasets
        for split in splits
        for episode in range(tasks)
    ]
    write_table(conform(with_columns(rows, identity), "accuracy"), path, record(spec))


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """The jobs of a study of three models, two of which are trained and measured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("innerloop.commands.so_far.Products", Shown)
    jobs = Jobs(study())
    for model, accuracy, key in zip(*files(jobs), jobs.study.models, strict=True):
        if key.variant != "boil":
            write_json(model, {"spec": as_json(jobs.train(key))})
            write_accuracies(accuracy, jobs.evaluate(key))
    for path, spec in Measurements(jobs).files("accuracy").items():
        if "raw_pixels" in path:
            write_accuracies(path, spec)
    return jobs


def study(**changed: Any) -> Study:
    """Three models that only their accuracy is measured of."""
    config = yaml.safe_load(SMOKE.read_text(encoding="utf-8")) | changed
    models = config["models"]["plain"] | {"variants": ["maml", "unit_norm", "boil"]}
    config["protocols"] = {"p1": config["protocols"]["p1"]}
    config["protocols"]["p1"]["variants"]["boil"] = {}
    config["models"] = {"all": models}
    del models["probes"], config["probes"], config["toy"]
    return Study(config)


def files(jobs: Jobs) -> tuple[list[str], list[str]]:
    """The manifest and the accuracies of each model."""
    models = jobs.study.models
    manifests = [key.fill(paths.MODEL, study="smoke") for key in models]
    return manifests, [key.fill(paths.ACCURACY, study="smoke") for key in models]


def report(jobs: Jobs) -> str:
    """The text of the partial report; nothing where there is none."""
    out = Path("report-partial.html")
    written = write_partial_report(out, jobs.study, jobs, [FAILED])
    assert written == out.exists()
    return out.read_text(encoding="utf-8") if written else ""


def measured(text: str) -> list[str]:
    """What the table of accuracies has."""
    return re.findall(r"<td>(.*)</td>\s*<td class=\"number\">.* ± ", text)


def trained(text: str) -> list[str]:
    """What the list of models has."""
    return re.findall(r"<tr><td>P1</td><td>(.*?)</td>", text)


def test_what_is_there_is_reported_beside_what_failed(jobs):
    text = report(jobs)
    assert FAILED["what"] in text
    assert "Left out" not in text
    assert trained(text) == ["MAML", "Unit norm"]
    assert measured(text) == ["MAML", "Unit norm", "Raw pixels"]


def test_each_measurement_that_cannot_be_used_is_left_out_by_itself(jobs):
    _, (damaged, *_) = files(jobs)
    Path(damaged).write_bytes(b"PAR1 and nothing else")
    stale = paths.BASELINE.format(study="smoke", dataset="symbols", setting="5w1s")
    write_accuracies(stale, replace(jobs.baseline("symbols", "5w1s"), code="edited"))
    text = report(jobs)
    assert f"<dt>Left out: {damaged}</dt>" in text
    assert f"<dt>{STALE}</dt>\n    <dd><pre>{stale}</pre>" in text
    assert trained(text) == ["MAML", "Unit norm"]
    assert measured(text) == ["Unit norm"]


@pytest.mark.parametrize("content", ['{"spec": {"seed": 7}}', "{", "[]", ""])
def test_a_model_of_another_study_or_damaged_is_left_out(jobs, content):
    (manifest, *_), _ = files(jobs)
    Path(manifest).write_text(content, encoding="utf-8")
    text = report(jobs)
    assert manifest in text
    assert trained(text) == ["Unit norm"]


@pytest.mark.parametrize("pattern", [paths.IMAGES, paths.SAMPLES])
def test_images_that_cannot_be_shown_are_left_out(jobs, pattern):
    damaged = Path(pattern.format(dataset="symbols", store="16"))
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"")
    assert f"<dt>Left out: {damaged}</dt>" in report(jobs)


def test_where_everything_is_of_another_study_there_is_no_report(jobs):
    assert not report(Jobs(study(seed=1)))


def test_where_nothing_is_measured_there_is_no_report(jobs):
    for accuracy in Path("results").rglob("*.parquet"):
        accuracy.unlink()
    assert not report(jobs)
