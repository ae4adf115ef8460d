"""The training program: its files and its log, and that what is interrupted ends the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from training_job import run

import innerloop
import tiny
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import split_digest
from innerloop.runtime.errors import DataError, InputError, InterruptedTrainingError
from innerloop.runtime.files import read_json
from innerloop.runtime.provenance import read_provenance
from innerloop.runtime.typed_json import as_json
from innerloop.training import run as training_run
from innerloop.training.model_file import TrainedModel, load


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

    monkeypatch.setattr(training_run, "interruptible", interruptible)


def test_event_files_have_the_curves_and_change_nothing(images: ImageStore, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    out = run(images, tmp_path)
    expected = read_json(out)["digest"]
    more = ("--events", str(tmp_path / "events"))
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(7, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path / "again", None, None, *more)
    out = run(images, tmp_path / "again", None, None, *more)
    assert read_json(out)["digest"] == expected
    curves = pd.read_csv(tmp_path / "again/training.csv")
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    for split in ("train", "val"):
        rows = curves[curves["split"] == split]
        written = events.Scalars(f"accuracy/{split}")
        assert [each.step for each in written] == rows["iteration"].tolist()
        assert [each.value for each in written] == pytest.approx(rows["accuracy"].tolist())


def test_everything_is_written(images: ImageStore, tmp_path: Path) -> None:
    out = run(images, tmp_path)
    manifest = read_json(out)
    assert manifest["spec"] == as_json(tiny.TRAINING)
    splits = split_digest(tmp_path / "splits.parquet")
    assert manifest["data_digests"] == {tiny.DATASET: images.digest, "splits": splits}
    assert manifest["threads"] == 1
    model = load(out.with_suffix(".pt"))
    assert manifest["digest"] == model.digest()
    assert manifest["best_validation"]["iteration"] == model.best
    assert {0, 6, 12} <= set(model.kept)
    for name in ("training", "dynamics", "outer_steps", "step_sizes"):
        assert read_provenance(out.with_name(f"{name}.parquet"))["spec"] == as_json(tiny.TRAINING)
    assert read_json(out.with_name("run.json"))["wall_seconds"] > 0
    assert not (tmp_path / "kept").exists()


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
    for name in ("training.parquet", "dynamics.parquet", "outer_steps.parquet"):
        assert continued.with_name(name).read_bytes() == undisturbed.with_name(name).read_bytes()


def test_the_time_of_a_continued_training_is_that_of_all_its_jobs(
    images: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = iter(range(0, 1000 * 3600, 3600))
    monkeypatch.setattr(training_run, "time", SimpleNamespace(monotonic=lambda: next(hour)))
    assert read_json(run(images, tmp_path / "once").with_name("run.json"))["earlier_seconds"] == 0
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(5, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path / "continued")
    found = read_json(run(images, tmp_path / "continued").with_name("run.json"))
    assert (found["earlier_seconds"], found["wall_seconds"]) == (3600, 7200)


def stop_after(iterations: int, images: ImageStore, folder: Path, **changed: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(iterations, patch)
        with pytest.raises(SystemExit):
            run(images, folder, changed)


def test_other_parameters_start_over_and_the_earlier_ones_go_on(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever tries another setting in between, and ends it or not, loses nothing."""
    undisturbed = run(images, tmp_path / "undisturbed")
    other = {"learner": {**as_json(tiny.METHOD), "step_size": 0.2}}
    stop_after(7, images, tmp_path / "here")
    stop_after(3, images, tmp_path / "here", **other)
    run(images, tmp_path / "here", {"code": "1"})
    said = capsys.readouterr().err
    assert "continuing" not in said
    assert "2 checkpoint(s) of this model under other parameters, code or data are left" in said
    same_files(run(images, tmp_path / "here").parent, undisturbed.parent)
    assert "continuing at iteration 7" in capsys.readouterr().err
    run(images, tmp_path / "here", other)
    assert "continuing at iteration 3" in capsys.readouterr().err
    assert not (tmp_path / "here/kept").exists()


def test_other_splits_start_over(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Weights trained on other classes must not be continued: these may be test classes now."""
    stop_after(3, images, tmp_path)
    rows = pq.read_table(tmp_path / "splits.parquet").to_pylist()
    turned = {"train": "val", "val": "train", "test": "test"}
    table = pa.Table.from_pylist([{**row, "split": turned[row["split"]]} for row in rows])
    pq.write_table(table, tmp_path / "turned.parquet")
    run(images, tmp_path, splits=tmp_path / "turned.parquet")
    assert "continuing" not in capsys.readouterr().err


def test_the_log_says_what_began_when_and_where_and_how_it_ended(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_after(5, images, tmp_path)
    *_, saved = capsys.readouterr().err.splitlines()
    assert saved[8:] == "  saved at iteration 5; run again to go on"
    out = run(images, tmp_path)
    head, continuing, *_, last, closing = capsys.readouterr().err.splitlines()
    facts, best = read_json(out.with_name("run.json")), read_json(out)["best_validation"]
    name = f"p1 maml on {tiny.DATASET} 3w1s, seed 0"
    assert head[8:].startswith(f"  {name}: 12 iterations; {facts['processor']}, device cpu, ")
    assert "device cpu, 1 thread(s), commit " in head
    assert "continuing at iteration 5" in continuing
    assert f"{name}: 12/12" in last
    assert closing[8:] == (
        f"  finished 12 iterations in {facts['wall_seconds']} s; best validation accuracy "
        f"{best['accuracy']:.3f} at iteration {best['iteration']}; wrote {out}"
    )


def test_a_model_without_training_has_a_log_and_a_curve(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = {**as_json(tiny.TRAINING.schedule), "iterations": 0, "checkpoints": [0]}
    out = run(images, tmp_path, {"schedule": schedule, "variant": "untrained"})
    head, closing = capsys.readouterr().err.splitlines()
    assert "untrained on" in head
    assert "finished 0 iterations" in closing
    assert curve(tmp_path) == pq.read_table(out.with_name("training.parquet")).to_pylist()


def curve(folder: Path) -> list[dict[str, Any]]:
    """The growing CSV, as whoever watches reads it."""
    frame = pd.read_csv(folder / "training.csv")
    return frame.to_dict("records")


def test_the_curve_is_there_while_training_goes_on(
    images: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Watched(training_run.Progress):
        def advance(self, count: int = 1, **figures: Any) -> None:
            seen.append(curve(tmp_path))
            super().advance(count, **figures)

    monkeypatch.setattr(training_run, "Progress", Watched)
    logged = pq.read_table(run(images, tmp_path).with_name("training.parquet")).to_pylist()
    assert [len(rows) for rows in seen] == [*[1] * 4, 3, *[5] * 4, 7, 7, 9]
    assert all(rows == logged[: len(rows)] for rows in seen)
    assert curve(tmp_path) == logged


def test_a_continued_training_takes_up_the_curve_at_its_checkpoint(
    images: ImageStore, tmp_path: Path
) -> None:
    """What a killed job wrote after it, whole or not, is written again."""
    stop_after(7, images, tmp_path)
    kept = (tmp_path / "training.csv").read_text()
    (tmp_path / "training.csv").write_text(f"{kept}val,10,4,0.5,0.1,1.5\ntrain,10,")
    stop_after(1, images, tmp_path)
    assert (tmp_path / "training.csv").read_text() == kept
    out = run(images, tmp_path)
    assert curve(tmp_path) == pq.read_table(out.with_name("training.parquet")).to_pylist()


@pytest.fixture
def in_a_terminal() -> Iterator[None]:
    """A lost connection ends the process, as it does unless something like nohup started it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("in_a_terminal")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_stop_before_it_has_begun_it_saves_too(
    images: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    made = training_run.Training

    def told(*arguments: Any, **more: Any) -> Any:
        os.kill(os.getpid(), number)
        return made(*arguments, **more)

    monkeypatch.setattr(training_run, "Training", told)
    with pytest.raises(SystemExit) as stopped:
        run(images, tmp_path)
    assert stopped.value.code == 128 + number
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_what_killed_jobs_left_beside_its_files_is_removed(
    images: ImageStore, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    for name in ("model.77-0a.pt", "training.77-0a.parquet", "run.77-0a.json", "own.csv"):
        (tmp_path / f"model/.{name}").touch()
    folder = run(images, tmp_path).parent
    assert [path.name for path in folder.glob(".*")] == [".own.csv"]


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
        assert curve(folder) == curve(tmp_path / "undisturbed")
    same_files(run(images, tmp_path / str(finished)).parent, undisturbed.parent)
    # the last kill may have come before anything was saved
    assert not list(tmp_path.glob(f"{finished}/kept/*"))


def same_files(folder: Path, expected: Path) -> None:
    assert load(folder / "model.pt").digest() == load(expected / "model.pt").digest()
    logged = ("training", "dynamics", "outer_steps", "step_sizes")
    for name in ("model.json", *(f"{log}.parquet" for log in logged)):
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = run(images, tmp_path / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(7, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path / "damaged", None, None, "--save-every", "0")
    (last,) = (tmp_path / "damaged/kept").glob("*.pt")
    last.write_bytes(last.read_bytes()[:500])
    continued = run(images, tmp_path / "damaged")
    said = capsys.readouterr().err
    assert "is damaged and not used" in said
    assert "continuing at iteration 7 from" in said
    same_files(continued.parent, undisturbed.parent)


def test_a_checkpoint_that_lacks_a_part_starts_over(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = run(images, tmp_path / "undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(7, patch)
        with pytest.raises(SystemExit):
            run(images, tmp_path / "lacking")
    (last,) = (tmp_path / "lacking/kept").glob("*.pt")
    content = torch.load(last)
    del content["state"]["optimiser"]
    torch.save(content, last)
    again = run(images, tmp_path / "lacking")
    assert "the checkpoint is incomplete (KeyError('optimiser')); starting over" in (
        capsys.readouterr().err
    )
    same_files(again.parent, undisturbed.parent)


def test_a_disk_that_refuses_ends_no_training(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither of checkpoints nor of the curve; what it computes is the same."""
    undisturbed = run(images, tmp_path / "undisturbed")
    (tmp_path / "refused/training.csv").mkdir(parents=True)
    (tmp_path / "refused/training.csv/x").touch()
    run(images, tmp_path / "refused", None, None, "--save-every", "0")
    assert "WARNING: the curves are not written" in capsys.readouterr().err
    same_files(tmp_path / "refused/model", undisturbed.parent)


def test_from_python_it_is_the_same_training(
    images: ImageStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also after an interruption, from which it goes on."""
    made = load(run(images, tmp_path / "job").with_suffix(".pt"))
    folder = tmp_path / "own"

    def again() -> TrainedModel:
        return innerloop.train(
            tiny.NETWORK, tiny.METHOD, images, folder, tiny.TRAINING.schedule, queries=4, threads=1
        )

    with pytest.MonkeyPatch.context() as patch:
        interrupt_after(7, patch)
        with pytest.raises(InterruptedTrainingError, match="run it again"):
            again()
    capsys.readouterr()
    model = again()
    assert "continuing at iteration 7" in "".join(capsys.readouterr())
    assert model.kept.keys() == made.kept.keys()
    for name, tensor in made.slow.items():
        assert torch.equal(model.slow[name], tensor)
    assert innerloop.load(folder / "model.pt").digest() == model.digest()
    assert not (folder / ".checkpoints").exists()


def test_from_python_a_network_of_another_size_is_refused(
    images: ImageStore, tmp_path: Path
) -> None:
    network = replace(tiny.NETWORK, image_size=32)
    with pytest.raises(InputError, match="16 pixels wide, but the network takes 32"):
        innerloop.train(network, tiny.METHOD, images, tmp_path, tiny.TRAINING.schedule)
    assert list(tmp_path.iterdir()) == []


def test_from_python_a_learner_s_name_alone_is_refused(images: ImageStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"learner is 'ridge'; expected .*innerloop\.learner"):
        innerloop.train(tiny.NETWORK, "ridge", images, tmp_path, tiny.TRAINING.schedule)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_from_python_a_learner_of_another_kind_is_trained_and_predicts(
    images: ImageStore, tmp_path: Path
) -> None:
    how = innerloop.learner("pretrained", classifier="nearest_mean")
    schedule = tiny.TRAINING.schedule
    innerloop.train(tiny.NETWORK, how, images, tmp_path, schedule, queries=4, threads=1)
    model = innerloop.load(tmp_path / "model.pt")
    assert (model.method, model.spec.learner, model.spec.variant) == (None, how, "pretrained")
    assert model.network.way == tiny.CLASSES["train"]
    task = innerloop.tasks_of(images, "test", way=3, queries=4).batch(range(1))
    found = model.predict(task.support.images[0], task.support.labels[0], task.query.images[0])
    assert found.shape == (12, 3)
    with pytest.raises(InputError, match=r"support labels: 0 \.\.\. 4; .*, 0 \.\.\. 2"):
        model.predict(task.query.images[0][:3], [0, 1, 4], task.query.images[0])
