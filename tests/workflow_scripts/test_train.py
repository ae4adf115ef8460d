"""The training program: its files, and that an interrupted run continues to the same bits."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import tiny
import train
from innerloop.data.build_images import build_images
from innerloop.data.catalogue import ClassEntry
from innerloop.data.image_store import ImageStore
from innerloop.data.sources.base import UNSTATED
from innerloop.data.splits import split_digest
from innerloop.errors import DataError
from innerloop.files import read_json, write_json
from innerloop.meta.model_file import load
from innerloop.provenance import read_provenance


class Patterns:
    """The tiny data set as a source."""

    native_size, licence, packages = tiny.SIZE, UNSTATED, ()

    def catalogue(self) -> list[ClassEntry]:
        return [ClassEntry(row.name, row.split, row.count) for row in tiny.store().classes]

    def pictures(self) -> Iterator[Image.Image]:
        return (Image.fromarray(image.transpose(1, 2, 0)) for image in tiny.store().images)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    folder = tmp_path_factory.mktemp("images")
    return build_images(Patterns(), tiny.DATASET, tiny.SIZE, folder, progress=False)


def spec() -> dict[str, Any]:
    return {
        "protocol": "p1",
        "dataset": tiny.DATASET,
        "store": str(tiny.SIZE),
        "variant": "maml",
        "setting": "3w1s",
        "seed": 0,
        "way": 3,
        "shot": 1,
        "queries": 4,
        "study_seed": 0,
        "method": tiny.METHOD.as_json(),
        "network": asdict(tiny.NETWORK),
        "schedule": {
            "iterations": 12,
            "meta_batch": 2,
            "train_steps": 1,
            "test_steps": 1,
            "outer_step_size": 0.01,
            "validation_every": 5,
            "validation_tasks": 4,
            "checkpoints": [0, 6, 12],
            "tasks_at_once": 2,
        },
        "validation_queries": 4,
        "compute": {"device": "cpu", "threads": 1},
        "code": "0",
    }


def run(
    images: ImageStore,
    folder: Path,
    changed: dict[str, Any] | None = None,
    splits: Path | None = None,
    *more: str,
) -> Path:
    """Train into a folder; a second call continues what the first left."""
    folder.mkdir(exist_ok=True)
    splits = splits or tiny.write_splits(folder / "splits.parquet")
    write_json(folder / "spec.json", {**spec(), **(changed or {})})
    out = folder / "model" / "model.json"
    train.main(
        [
            *("--spec", str(folder / "spec.json")),
            *("--images", str(images.folder / "manifest.json")),
            *("--splits", str(splits)),
            *("--checkpoint", str(folder / "kept" / "checkpoint.pt")),
            *("--out", str(out)),
            *more,
        ]
    )
    return out


def interrupt_after(iterations: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that SIGTERM arrives while an iteration runs."""

    class Asked:
        signal, questions = 15, 0

        def __bool__(self) -> bool:
            self.questions += 1
            return self.questions >= iterations

    @contextmanager
    def interruptible() -> Iterator[Asked]:
        yield Asked()

    monkeypatch.setattr(train, "interruptible", interruptible)


def test_everything_is_written(images: ImageStore, tmp_path: Path) -> None:
    out = run(images, tmp_path)
    manifest = read_json(out)
    assert manifest["spec"] == spec()
    splits = split_digest(tmp_path / "splits.parquet")
    assert manifest["data_digests"] == {tiny.DATASET: images.digest, "splits": splits}
    assert manifest["threads"] == 1
    model = load(out.with_suffix(".pt"))
    assert manifest["digest"] == model.digest()
    assert manifest["best_validation"]["iteration"] == model.best
    assert {0, 6, 12} <= set(model.kept)
    for name in ("training", "dynamics", "step_sizes"):
        assert read_provenance(out.with_name(f"{name}.parquet"))["spec"] == spec()
    assert read_json(out.with_name("run.json"))["wall_seconds"] > 0
    assert not (tmp_path / "kept" / "checkpoint.pt").exists()


@pytest.mark.parametrize("iterations", [1, 5, 11])
def test_an_interrupted_training_continues_to_the_same_bits(
    images: ImageStore, tmp_path: Path, iterations: int, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = run(images, tmp_path / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(iterations, patch)
        with pytest.raises(SystemExit) as stopped:
            run(images, tmp_path / "interrupted")
    assert stopped.value.code == 128 + 15
    assert not (tmp_path / "interrupted/model/model.json").exists()
    continued = run(images, tmp_path / "interrupted")
    assert f"continuing at iteration {iterations}" in capsys.readouterr().err
    assert read_json(continued) == read_json(undisturbed)
    for name in ("training.parquet", "dynamics.parquet"):
        assert continued.with_name(name).read_bytes() == undisturbed.with_name(name).read_bytes()


def test_the_time_of_a_continued_training_is_that_of_all_its_jobs(
    images: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = iter(range(0, 1000 * 3600, 3600))
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(hour)))
    assert read_json(run(images, tmp_path / "once").with_name("run.json"))["earlier_seconds"] == 0
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(5, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path / "continued")
    found = read_json(run(images, tmp_path / "continued").with_name("run.json"))
    assert (found["earlier_seconds"], found["wall_seconds"]) == (3600, 7200)


def test_other_parameters_start_over(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(3, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path)
    other = {"method": {**tiny.METHOD.as_json(), "step_size": 0.2}}
    changed = read_json(run(images, tmp_path, other))
    assert "starting over" in capsys.readouterr().err
    fresh = read_json(run(images, tmp_path / "fresh", other))
    assert json.dumps(changed) == json.dumps(fresh)
    shutil.rmtree(tmp_path / "fresh")


def test_other_splits_start_over(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights trained on other classes must not be continued: these may be test classes now."""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(3, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path)
    rows = pq.read_table(tmp_path / "splits.parquet").to_pylist()
    turned = {"train": "val", "val": "train", "test": "test"}
    table = pa.Table.from_pylist([{**row, "split": turned[row["split"]]} for row in rows])
    pq.write_table(table, tmp_path / "turned.parquet")
    run(images, tmp_path, splits=tmp_path / "turned.parquet")
    assert "starting over" in capsys.readouterr().err


@pytest.mark.parametrize(
    "other", [{"store": f"pickles-{tiny.SIZE}"}, {"store": "84"}, {"dataset": "cub"}], ids=str
)
def test_images_that_the_job_is_not_about(
    images: ImageStore, tmp_path: Path, other: dict[str, Any]
) -> None:
    with pytest.raises(DataError, match=f"holds the images of {tiny.DATASET}, {tiny.SIZE}, "):
        run(images, tmp_path, other)
    assert not (tmp_path / "model").exists()


def test_pixels_are_those_of_the_store(images: ImageStore) -> None:
    assert np.array_equal(images.images, tiny.store().images)


def test_killed_at_any_moment_it_continues_to_the_same_bits(
    images: ImageStore, tmp_path: Path
) -> None:
    """SIGKILL at 20 random points of training, saving and writing; every outcome is the same."""
    seed = 20
    random, kills, finished = Random(seed), 0, 0
    began = time.monotonic()
    undisturbed = run(images, tmp_path / "undisturbed")
    # a forked child has all imported already, so that most of its time is training
    longest, fork = time.monotonic() - began, multiprocessing.get_context("fork")
    while kills < 20:
        folder = tmp_path / str(finished)
        delay = random.uniform(0, longest)
        child = fork.Process(target=run, args=(images, folder, None, None, "--save-every", "0"))
        child.start()
        child.join(delay)
        if child.is_alive():
            child.kill()
            child.join()
            kills += 1
            print(f"seed {seed}: kill {kills} after {delay:.3f} s")
            continue
        assert child.exitcode == 0
        finished += 1
        same_files(folder / "model", undisturbed.parent)
    same_files(run(images, tmp_path / str(finished)).parent, undisturbed.parent)
    # the last kill may have come before anything was saved
    assert not list(tmp_path.glob(f"{finished}/kept/*"))


def same_files(folder: Path, expected: Path) -> None:
    assert load(folder / "model.pt").digest() == load(expected / "model.pt").digest()
    for name in ("model.json", "training.parquet", "dynamics.parquet", "step_sizes.parquet"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = run(images, tmp_path / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(7, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path / "damaged", None, None, "--save-every", "0")
    last = tmp_path / "damaged/kept/checkpoint.pt"
    last.write_bytes(last.read_bytes()[:500])
    continued = run(images, tmp_path / "damaged")
    said = capsys.readouterr().err
    assert "is damaged and left aside" in said
    assert "continuing at iteration 7 from" in said
    same_files(continued.parent, undisturbed.parent)
