"""Measuring: the model that is meant and no other, and every row once; so for who gathers them."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from training_job import TASKS

import measure
import measure_raw_pixels
import tiny
from innerloop.data.image_store import ImageStore
from innerloop.learners.learner import QueryResult
from innerloop.measurements.aggregate import gather
from innerloop.probes import probe
from innerloop.runtime.built_in import ACCURACY, PROBES
from innerloop.runtime.errors import InnerloopError, ProvenanceError, SchemaError
from innerloop.runtime.files import canonical_json, write_json
from innerloop.runtime.provenance import read_provenance, write_table
from innerloop.specs.measure import MeasureSpec, RawPixelsSpec, Spec
from innerloop.study.paths import LOGGED

#: Of another method.
OTHER = replace(tiny.TRAINING, learner=replace(tiny.METHOD, step_size=0.2))
OPTIONS: dict[str, dict[str, Any]] = {
    "accuracy": {"checkpoint": "best", "splits": ["val", "test"], "tasks": TASKS},
    "cka": {"tasks": TASKS, "over_training": [tiny.DATASET], "training_tasks": 2},
    "inner_steps": {"tasks": TASKS},
    "interventions": {"tasks": TASKS, "over_training": [tiny.DATASET], "training_tasks": 2},
    "other_settings": {"settings": ["3w2s", "3w1s", "4w1s"], "tasks": TASKS},
    "other_similarities": {"tasks": TASKS, "steps": ["test", 2], "neighbours": 3},
    "own_change": {"tasks": TASKS, "steps": ["test", 2]},
    "protonet": {"tasks": TASKS},
    "scale_invariance": {},
}


def job(table: str, entry: str | None = None) -> MeasureSpec:
    return MeasureSpec(
        table=table,
        entry=entry or {"accuracy": ACCURACY, **PROBES}[table],
        options=OPTIONS.get(table, {}),
        datasets=(tiny.DATASET,),
        queries=4,
        test_steps=1,
        test_step_size=0.3,
        tasks_at_once=2,
        model=tiny.TRAINING,
        compute=tiny.TRAINING.compute,
        code="0",
    )


def measured(
    images: ImageStore,
    study: Path,
    table: str,
    entry: str | None = None,
    replaced: Path | None = None,
) -> Path:
    """The file of measurements of the model of seed 0."""
    out = study / f"{table}.parquet"
    measure.main(
        [
            *("--spec", canonical_json(job(table, entry))),
            *("--model", str(study / "seed0/model/model.json")),
            *("--images", f"{tiny.DATASET}={images.folder / 'manifest.json'}"),
            *("--splits", f"{tiny.DATASET}={study / 'seed0/splits.parquet'}"),
            *("--episodes", f"{tiny.DATASET}={study / 'episodes.parquet'}"),
            *("--out", str(out)),
            *(("--replaced", str(replaced)) if replaced else ()),
        ]
    )
    return out


@pytest.mark.parametrize("table", OPTIONS)
def test_what_is_measured_is_what_is_gathered(images: ImageStore, study: Path, table: str) -> None:
    """And a row lost, doubled or of another model, data set or split is refused by its file."""
    path = measured(images, study, table)
    rows = pq.read_table(path)
    gathered, _ = gather(table, {str(path): job(table)})
    assert gathered.equals(rows)
    refused(path, job(table), table, rows.slice(1), "rows are missing")
    refused(path, job(table), table, pa.concat_tables([rows, rows.slice(3, 1)]), "repeat others")
    refused(path, job(table), table, filled(rows, "seed", 1), "another model: seed is 1, not 0")
    refused(path, job(table), table, filled(rows, "layer", "conv9"), "1 were not asked for")
    refused(path, job(table), table, filled(rows, "episode", 99), "1 were not asked for")
    refused(path, job(table), table, filled(rows, "split", "train"), "1 were not asked for")


def test_a_model_is_compared_with_the_one_that_lies_beside(images: ImageStore, study: Path) -> None:
    """Itself here: the two are equal."""
    alone = job("other_similarities")
    spec = replace(alone, options={**alone.options, "two_trainings": True}, beside=alone.model)
    model, out = study / "seed0/model/model.json", study / "beside.parquet"
    measure.main(
        [
            *("--spec", canonical_json(spec), "--model", str(model), "--beside", str(model)),
            *("--images", f"{tiny.DATASET}={images.folder / 'manifest.json'}"),
            *("--splits", f"{tiny.DATASET}={study / 'seed0/splits.parquet'}", "--out", str(out)),
        ]
    )
    rows = gather("other_similarities", {str(out): spec})[0].to_pylist()
    beside = [row["similarity"] for row in rows if row["pairing"] == "two_trainings"]
    assert len(beside) == TASKS * 5 * 3
    assert beside == pytest.approx([1] * len(beside), abs=1e-5)


@pytest.mark.parametrize("table", LOGGED)
def test_what_training_logged_is_gathered_whole(study: Path, table: str) -> None:
    path = study / "seed0/model" / LOGGED[table]
    gathered, _ = gather(table, {str(path): tiny.TRAINING})
    rows = pq.read_table(path)
    if not gathered.num_rows:
        assert table.startswith("step_size")  # none are learned
        return
    lost = rows.filter(pc.not_equal(rows.column("iteration"), 6))
    refused(path, tiny.TRAINING, table, lost, "are missing and 0 were not asked for")
    twice = pa.concat_tables([rows, rows.slice(0, 1)])
    refused(path, tiny.TRAINING, table, twice, "repeat others")


def test_the_baseline_is_gathered_whole(images: ImageStore, study: Path) -> None:
    baseline = RawPixelsSpec(
        dataset=tiny.DATASET, setting="3w1s", way=3, shot=1, splits=("test",), tasks=TASKS,
        queries=4, store=images.name,
    )  # fmt: skip
    out = study / "raw_pixels.parquet"
    measure_raw_pixels.main(
        [
            *("--spec", canonical_json(baseline)),
            *("--images", str(images.folder / "manifest.json")),
            *("--episodes", str(study / "episodes.parquet")),
            *("--out", str(out)),
        ]
    )
    rows = pq.read_table(out)
    gather("accuracy", {str(out): baseline})
    refused(out, baseline, "accuracy", rows.slice(1), "1 of 5 rows are missing and 0 were not")


def filled(rows: pa.Table, column: str, value: object) -> pa.Table:
    """With another value in the first row; unchanged where there is no such column."""
    if column not in rows.column_names:
        return rows
    place, field = rows.column_names.index(column), rows.schema.field(column)
    values = [value, *rows.column(column).to_pylist()[1:]]
    return rows.set_column(place, field, pa.array(values, field.type))


def refused(path: Path, made_with: Spec, table: str, rows: pa.Table, said: str) -> None:
    """Put other rows under a file's record; gathering must name the file."""
    before = path.read_bytes()
    if rows.equals(pq.read_table(path)):
        return
    write_table(rows, path, read_provenance(path))
    with pytest.raises(SchemaError, match=rf"{path}.*{said}"):
        gather(table, {str(path): made_with})
    path.write_bytes(before)


def other_model(folder: Path) -> None:
    shutil.copy(folder.parent.parent / "seed1/model/model.pt", folder / "model.pt")


def changed(edit: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """An edit of what model.pt holds."""

    def tamper(folder: Path) -> None:
        content = torch.load(folder / "model.pt", weights_only=True)
        edit(content)
        torch.save(content, folder / "model.pt")

    return tamper


def another_is_best(content: dict[str, Any]) -> None:
    content["best"] = min(content["kept"].keys() - {content["best"]})


def edited_manifest(folder: Path) -> None:
    manifest = json.loads((folder / "model.json").read_text())
    write_json(folder / "model.json", {**manifest, "digest": "0" * 64})


@pytest.mark.parametrize(
    "tamper",
    [
        other_model,
        edited_manifest,
        changed(lambda content: content["kept"][12]["slow"]["conv2.weight"][0].add_(1e-3)),
        changed(lambda content: content["kept"][0]["step_sizes"]["head.bias"].mul_(2)),
        changed(another_is_best),
        changed(lambda content: content["network"]["options"].update(normalisation="support")),
        changed(lambda content: content.update(spec=canonical_json(OTHER))),
    ],
)
def test_a_model_that_is_not_the_one_described_is_not_measured(
    images: ImageStore, study: Path, tamper: Callable[[Path], None]
) -> None:
    tamper(study / "seed0/model")
    with pytest.raises(ProvenanceError, match=r"model\.pt .*un Snakemake again"):
        measured(images, study, "scale_invariance")
    assert not (study / "scale_invariance.parquet").exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "    yield {**row, 'value': 1.0}\n    yield {**row, 'value': 2.0}",
            "1 rows repeat others",
        ),
        ("    yield from ()", "yielded no row"),
        ("    yield {**row, 'value': float('nan')}", "all 1 values are NaN"),
    ],
)
def test_a_user_s_probe_measures_something_once(
    images: ImageStore, study: Path, body: str, said: str
) -> None:
    code = (
        "def probe(model):\n"
        "    weights, (dataset,) = model.weights(), model.datasets\n"
        "    row = {**model.measured(dataset, 'test', weights, 0), 'episode': 0}\n"
        "    row |= {'layer': '', 'metric': 'norm'}\n"
    )
    (study / "mine.py").write_text(code + "    yield {**row, 'value': 1.0}\n")
    measured(images, study, "mine", f"{study}/mine.py:probe")
    (study / "own.py").write_text(code + body)
    with pytest.raises(InnerloopError, match=said):
        measured(images, study, "own", f"{study}/own.py:probe")
    assert not (study / "own.parquet").exists()


def test_what_diverged_is_said_and_missing(
    images: ImageStore,
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = probe.query_results

    def spoilt(*arguments: Any) -> QueryResult:
        result = whole(*arguments)
        result.accuracies[0], result.losses[0] = math.nan, math.nan
        return result

    measured(images, study, "accuracy")
    assert "WARNING" not in capsys.readouterr().err
    monkeypatch.setattr(probe, "query_results", spoilt)
    path = measured(images, study, "accuracy")
    # in batches of 2 of the 5 tasks of two splits
    said = capsys.readouterr().err
    assert f"WARNING: 6 of 10 accuracies on {tiny.DATASET} are missing" in said
    assert "with 1 steps and a step size of 0.3" in said
    gathered, _ = gather("accuracy", {str(path): job("accuracy")})
    assert sum(map(math.isnan, gathered["accuracy"].to_pylist())) == 6
