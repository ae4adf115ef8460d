"""Training from Python: `innerloop.train`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import torch

from innerloop.data.image_store import ImageStore, require_store
from innerloop.data.splits import split_table
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.inputs import require_network
from innerloop.learners.options import LearnerOptions
from innerloop.networks.network import Network
from innerloop.networks.options import NetworkOptions
from innerloop.runtime.code_digest import code_digest
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import InputError, require_count
from innerloop.runtime.extensions import source_file
from innerloop.runtime.provenance import record, write_table
from innerloop.specs.train import Schedule, TrainSpec
from innerloop.training.model_file import TrainedModel
from innerloop.training.run import TrainingFiles, run_training


def train(
    network: Network,
    learner: Method | LearnerOptions,
    images: ImageStore,
    folder: Path | str,
    schedule: Schedule,
    *,
    shot: int = 1,
    queries: int = TrainSpec.queries,
    seed: int = 0,
    splits: Path | str | None = None,
    device: str = "cpu",
    threads: int | None = None,
    save_every: float = 60,
    keep_activations: bool = False,
) -> TrainedModel:
    """Meta-train a model, or continue a training that was interrupted.

    SIGTERM and Ctrl-C stop a training between two iterations, after a checkpoint; the next call
    with the same arguments, code and images continues it, with the same bits. A training that has
    finished begins anew.

    Args:
        network: the network to train.
        learner: how it learns: a method, or `innerloop.learner(...)`.
        images: the image store, as returned by `open_images`.
        folder: where `model.pt`, which `load` reads, the logs and checkpoints are written.
        schedule: numbers of iterations, steps and tasks, and the outer step size.
        shot: support images per class.
        queries: query images per class in training and validation tasks.
        seed: for initial weights and tasks.
        splits: CSV with the columns class and split, to replace the data set's own split.
        device: cpu, cuda, or cuda:<number>.
        threads: compute threads; by default as many as torch has now.
        save_every: seconds between checkpoints.
        keep_activations: faster, but memory grows with the inner steps.

    Raises:
        InputError: the images do not fit the network, or an argument has the wrong type.
        DataError: a split is missing, or has too few classes or images.
        DivergenceError: a loss is not finite; no model is written.
        InterruptedTrainingError: it was asked to stop; a checkpoint is written.
    """
    require_network(network)
    if not isinstance(learner, Method | LearnerOptions):
        raise InputError(
            f"learner is {learner!r}; expected a method, such as innerloop.method('maml'), or "
            "innerloop.learner('prototypes')"
        )
    require_store(images)
    if not isinstance(schedule, Schedule):
        raise InputError(f"schedule is {schedule!r}; expected innerloop.Schedule(iterations=...)")
    threads = torch.get_num_threads() if threads is None else threads
    for name, value, least in (("shot", shot, 1), ("queries", queries, 1), ("seed", seed, 0)):
        require_count(name, value, least)
    require_count("threads", threads, least=1)
    if not re.fullmatch(r"cpu|cuda(:\d+)?", str(device)):
        raise InputError(f"device is {str(device)!r}; expected cpu, cuda, or cuda:<number>")
    size = images.images.shape[-1]
    if size != network.image_size:
        raise InputError(
            f"images are {size} pixels wide, but the network takes {network.image_size}"
        )
    folder = Path(folder)
    table = split_table(images.dataset, images.classes, None if splits is None else str(splits))
    write_table(table, folder / "splits.parquet", record({}))
    network_options = NetworkOptions(
        way=network.way,
        image_size=network.image_size,
        channels=network.channels,
        network=network.entry,
        network_options=dict(network.options),
        initialisation=network.initialisation,
    )
    spec = TrainSpec(
        dataset=images.dataset,
        variant=learner.name,
        setting=f"{network.way}w{shot}s",
        seed=seed,
        way=network.way,
        shot=shot,
        queries=queries,
        study_seed=seed,
        learner=replace(learner, label=""),
        store=images.name,
        network=network_options,
        schedule=schedule,
        validation_queries=queries,
        compute=Compute(str(device), threads),
        code=code_digest(__file__, [source_file(learner.entry), source_file(network.entry)]),
    )
    files = TrainingFiles(
        images=images,
        splits=folder / "splits.parquet",
        out=folder / "model.json",
        checkpoints=folder / ".checkpoints",
        curve=folder / "training.csv",
    )
    return run_training(spec, files, save_every=save_every, keep_activations=keep_activations)
