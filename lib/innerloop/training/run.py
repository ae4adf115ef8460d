"""One training from start to end: begin or continue it, log it, save it when interrupted, write."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from innerloop.data.episodes import EpisodeSource, TaskSize
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split, split_digest
from innerloop.data.tasks import Tasks
from innerloop.engine.engine import engine_of
from innerloop.learners.building import learner_of
from innerloop.networks.network import Network
from innerloop.runtime.device import describe, set_up
from innerloop.runtime.errors import DiskError, InterruptedTrainingError
from innerloop.runtime.files import canonical_json, read_json, remove_leftovers, write_json
from innerloop.runtime.progress import SAVED, Progress, say
from innerloop.runtime.provenance import circumstances, commit_in_words, read_table, record
from innerloop.runtime.replaced import take_back
from innerloop.specs.train import TrainSpec
from innerloop.training.checkpoint import Checkpoint
from innerloop.training.interruption import interruptible
from innerloop.training.model_file import TrainedModel, load, save
from innerloop.training.training import Training
from innerloop.training.training_log import CurveFile, EventFile, write_logs


@dataclass(frozen=True)
class TrainingFiles:
    """The files that a training reads and writes.

    Attributes:
        images: the image store.
        splits: splits.parquet of the data set.
        out: model.json; the model and its tables are written beside it.
        checkpoints: folder of the checkpoints.
        curve: CSV that grows during training.
        events: folder of event files for TensorBoard; None: none are written.
        replaced: folder of models that others have replaced; None: none are kept.
    """

    images: ImageStore
    splits: Path
    out: Path
    checkpoints: Path
    curve: Path
    events: Path | None = None
    replaced: Path | None = None


def run_training(
    spec: TrainSpec, files: TrainingFiles, *, save_every: float = 60, keep_activations: bool = False
) -> TrainedModel:
    """Train a model and write it; continue from a checkpoint of the same spec, images and splits.

    SIGTERM and SIGINT stop it between two iterations; the next call continues, with the same bits.

    Args:
        spec: all parameters of the training.
        files: the files to read and write.
        save_every: seconds between checkpoints.
        keep_activations: faster, but memory grows with the inner steps.

    Raises:
        InterruptedTrainingError: a signal asked it to stop; a checkpoint is written.
        DivergenceError: a loss is not finite; no model is written.
        DataError: the images are not those of the spec, or lack a split.
    """
    device = set_up(spec.compute, training=True)
    # entered after waiting for a GPU, but before making the training, which takes seconds, too
    with interruptible() as interruption:
        began, facts, computed = time.monotonic(), circumstances(), describe(device)
        say(_head(spec, computed, facts))
        images = files.images.require(spec.dataset, spec.store)
        data = {images.dataset: images.digest, "splits": split_digest(files.splits)}
        wanted = record(spec, data_digests=data)
        if files.replaced and take_back(files.out, files.replaced, wanted):
            return _taken_back(files)
        training = _training(spec, files, device, keep_activations)
        fingerprint = canonical_json([spec, data])
        with Checkpoint(files.checkpoints, fingerprint, save_every, say=say) as checkpoint:
            saved = checkpoint.read()
            if saved is not None and not _restored(training, saved):
                training, saved = _training(spec, files, device, keep_activations), None
            earlier = saved["seconds"] if saved else 0.0

            def state() -> dict[str, Any]:
                return {**training.state(), "seconds": earlier + time.monotonic() - began}

            watched: list[CurveFile | EventFile] = [CurveFile(files.curve)]
            if files.events:
                watched.append(EventFile(files.events))
            _update(watched, training)
            iterations = spec.schedule.iterations
            with Progress(spec.in_words, iterations, done=training.iteration) as progress:
                for figures in training:
                    _update(watched, training)
                    progress.advance(1, **figures)
                    checkpoint.maybe_save(state)
                    if interruption and training.iteration < iterations:
                        _save_at_the_end(checkpoint, state())
                        raise InterruptedTrainingError(interruption.signal or 0)
            _update(watched, training)  # with 0 iterations, nothing was yielded
            model = _write(training, spec, files, {"data_digests": data, **computed})
            # what differs from run to run is in a file that no other job depends on
            seconds = earlier + time.monotonic() - began, earlier
            spent = dict(zip(("wall_seconds", "earlier_seconds"), seconds, strict=True))
            rounded = {name: round(value, 1) for name, value in spent.items()}
            write_json(files.out.with_name("run.json"), {**facts, **computed, **rounded})
            checkpoint.remove()
        for file in (files.curve, *files.out.parent.glob("[!.]*")):
            remove_leftovers(file)
        accuracy, iteration = training.best
        say(
            f"finished {iterations} iterations in {rounded['wall_seconds']} s; best validation "
            f"accuracy {accuracy:.3f} at iteration {iteration}; wrote {files.out}"
        )
        return model


def _taken_back(files: TrainingFiles) -> TrainedModel:
    """The model that `take_back` has put in place, with its time counted as an earlier job's."""
    run = files.out.with_name("run.json")
    spent = read_json(run)
    write_json(run, {**spent, "earlier_seconds": spent["wall_seconds"]})
    CurveFile(files.curve).update(read_table(files.out.with_name("training.parquet")).to_pylist())
    return load(files.out.with_name("model.pt"))


def _restored(training: Training, saved: Mapping[str, Any]) -> bool:
    try:
        training.restore(saved)
    except Exception as error:  # whatever a missing or malformed part leads to
        say(f"the checkpoint is incomplete ({error!r:.200}); starting over")
        return False
    return True


def _save_at_the_end(checkpoint: Checkpoint, state: Mapping[str, Any]) -> None:
    try:
        checkpoint.save(state)
        say(SAVED.format(state["iteration"]))
    except DiskError as error:
        say(f"WARNING: nothing is saved since the last checkpoint: {error}")


def _update(watched: Sequence[CurveFile | EventFile], training: Training) -> None:
    for file in watched:
        try:
            file.update(training.curves)
        except OSError as error:
            say(f"WARNING: the curves are not written, and the training goes on: {error}")


def _write(
    training: Training, spec: TrainSpec, files: TrainingFiles, facts: Mapping[str, Any]
) -> TrainedModel:
    """Write the model, its logs and, last, its manifest."""
    model, folder = training.model(spec), files.out.parent
    save(model, folder / "model.pt")
    provenance = record(spec, engine=engine_of(training.network).name, **facts)
    write_logs(training, model, folder, provenance)
    accuracy, iteration = training.best
    best = {"iteration": iteration, "accuracy": accuracy}
    write_json(files.out, {**provenance, "best_validation": best, "digest": model.digest()})
    return model


def _training(
    spec: TrainSpec, files: TrainingFiles, device: torch.device, keep_activations: bool
) -> Training:
    def tasks(split: str, purpose: str, queries: int) -> Tasks:
        source = EpisodeSource(read_split(files.splits, split), spec.study_seed, purpose)
        return Tasks(files.images, source, TaskSize(spec.way, spec.shot, queries), device)

    return Training(
        Network.of(spec.network),
        learner_of(spec.learner, spec.schedule.train_steps, keep_activations=keep_activations),
        spec.schedule,
        tasks("train", f"training, seed {spec.seed}", spec.queries),
        tasks("val", "validation", spec.validation_queries),
        spec.seed,
        cuda_graph=spec.compute.cuda_graph,
    )


def _head(spec: TrainSpec, computed: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    return (
        f"{spec.in_words}: {spec.schedule.iterations} iterations; {facts['processor']}, device "
        f"{computed['device']}, {computed['threads']} thread(s), commit {commit_in_words(facts)}"
    )
