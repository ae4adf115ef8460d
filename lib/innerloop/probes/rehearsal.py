"""Try a user's code on a few random images, before images are built and models trained."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from innerloop.data.episodes import EpisodeSource, TaskSize, episode_table
from innerloop.data.image_store import ClassRows, ImageStore
from innerloop.data.splits import read_split, split_of, split_table
from innerloop.data.tasks import Tasks
from innerloop.learners.building import learner_of
from innerloop.measurements.rows import model_columns, with_columns
from innerloop.measurements.schemas import conform
from innerloop.networks.network import Network
from innerloop.probes.probe import DatasetFiles, ProbedModel
from innerloop.runtime.errors import DivergenceError, NothingAdaptsError
from innerloop.runtime.extensions import load_entry
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.rehearsal import Rehearsal
from innerloop.specs.setting import way_and_shot
from innerloop.specs.train import TrainSpec
from innerloop.training.model_file import TrainedModel
from innerloop.training.training import Training

_CPU = torch.device("cpu")
#: Tasks that a probe is tried on.
_TASKS = 2


def rehearse(rehearsal: Rehearsal, folder: Path) -> None:
    """Train for one step on one task, and measure the result by the probe on two tasks.

    Everything but images, iterations and numbers of tasks is as in the study. The model's outputs
    do not matter, nor whether its loss is finite on noise.

    Args:
        rehearsal: the training and the probe to try.
        folder: for a few small files.

    Raises:
        InnerloopError: the code does not do what it must; any error that it raises is raised, too.
    """
    spec, probe = rehearsal.training, rehearsal.probe
    store = _noise(spec, probe)
    model = _trained(spec, store)
    if model is None or probe is None:
        return
    splits = folder / "splits.parquet"
    pq.write_table(split_table(store.dataset, store.classes, None), splits)
    _measure(model, probe, DatasetFiles(store, splits, _episodes(probe, splits, folder)))


def _noise(spec: TrainSpec, probe: MeasureSpec | None) -> ImageStore:
    """Random images, enough for two tasks of different classes, and for two of the same classes."""
    queries = max(spec.queries, spec.validation_queries, probe.queries if probe else 0)
    other = probe.options["settings"] if probe and probe.table == "other_settings" else ()
    way, shot = map(max, zip((spec.way, spec.shot), *map(way_and_shot, other), strict=True))
    size, channels, each = spec.network.image_size, spec.network.channels, 2 * shot + queries
    names = [(f"{split}{number}", split) for split in ("train", "val", "test")
             for number in range(2 * way)]  # fmt: skip
    shape = (len(names) * each, channels, size, size)
    images = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    classes = [
        ClassRows(name, split, "", each * place, each) for place, (name, split) in enumerate(names)
    ]
    return ImageStore(Path("noise"), images, classes, {"dataset": spec.dataset, "size": size})


def _trained(spec: TrainSpec, store: ImageStore) -> TrainedModel | None:
    """The model after one outer step, as every kept iteration; None if it diverges."""

    def tasks(split: str, queries: int) -> Tasks:
        source = EpisodeSource(split_of(store, split), spec.study_seed, "rehearsal")
        return Tasks(store, source, TaskSize(spec.way, spec.shot, queries), _CPU)

    training = Training(
        Network.of(spec.network),
        learner_of(spec.learner, spec.schedule.train_steps),
        replace(
            spec.schedule, iterations=1, meta_batch=1, validation_every=1, validation_tasks=1,
            checkpoints=(), tasks_at_once=1,
        ),
        tasks("train", spec.queries),
        tasks("val", spec.validation_queries),
        spec.seed,
        cuda_graph=False,
    )  # fmt: skip
    try:
        for _ in training:
            pass
    except DivergenceError:
        return None
    weights, last = training.kept[1], spec.schedule.iterations
    kept = {
        iteration: replace(weights, iteration=iteration)
        for iteration in sorted({*spec.schedule.checkpoints, last})
    }
    return TrainedModel(training.network, spec, kept, best=last, last=last)


def _episodes(probe: MeasureSpec, splits: Path, folder: Path) -> Path:
    size = TaskSize(probe.model.way, probe.model.shot, probe.queries)
    drawn = {
        split: EpisodeSource(read_split(splits, split), probe.model.study_seed).draw(
            range(_TASKS), size
        )
        for split in ("train", "val", "test")
    }
    path = folder / "episodes.parquet"
    pq.write_table(episode_table(drawn), path)
    return path


def _measure(model: TrainedModel, spec: MeasureSpec, files: DatasetFiles) -> None:
    few = {
        name: min(value, _TASKS) if name.endswith("tasks") and type(value) is int else value
        for name, value in spec.options.items()
    }
    probed = ProbedModel(
        model,
        replace(spec, options=few, tasks_at_once=_TASKS),
        dict.fromkeys(spec.datasets, files),
        _CPU,
    )
    with suppress(NothingAdaptsError):
        rows = with_columns(load_entry(spec.entry)(probed), model_columns(spec.model))
        conform(rows, spec.table, spec.entry)
