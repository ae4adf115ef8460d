"""A tiny data set in memory: every class is a pattern of its own, with noise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

import innerloop
from innerloop.data.episodes import EpisodeSource, TaskSize
from innerloop.data.image_store import ClassRows, ImageStore
from innerloop.data.splits import Split, split_table
from innerloop.data.tasks import Labelled, TaskBatch, Tasks
from innerloop.learners.gradient_based.adapt import initial_step_sizes
from innerloop.learners.gradient_based.constraint import constrained
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.learner import State
from innerloop.networks.network import Network
from innerloop.networks.options import NetworkOptions
from innerloop.networks.parameters import Parameters
from innerloop.runtime.compute import Compute
from innerloop.specs.train import Schedule, TrainSpec

SIZE, EACH = 16, 12
CLASSES = {"train": 8, "val": 6, "test": 7}
DATASET = "patterns"

#: The network of most tests: 4 filters on 16 x 16 images.
NETWORK = innerloop.network(way=3, filters=4, image_size=SIZE)
METHOD = method("maml", step_size=0.1)
#: What a training of seconds is run with.
TRAINING = TrainSpec(
    protocol="p1",
    dataset=DATASET,
    variant="maml",
    setting="3w1s",
    seed=0,
    way=3,
    shot=1,
    queries=4,
    study_seed=0,
    learner=METHOD,
    store=str(SIZE),
    network=NetworkOptions(way=3, filters=4, image_size=SIZE),
    schedule=Schedule(
        iterations=12,
        meta_batch=2,
        train_steps=1,
        test_steps=1,
        outer_step_size=0.01,
        validation_every=5,
        validation_tasks=4,
        checkpoints=(0, 6, 12),
        tasks_at_once=2,
    ),
    validation_queries=4,
    compute=Compute("cpu", 1),
    code="0",
)
#: Inner steps that have a step size each, where a method learns them so.
STEPS = 3


@cache
def store(noise: float = 0.25, seed: int = 0) -> ImageStore:
    """Images of all classes, split by split, class by class."""
    random = np.random.default_rng(seed)
    patterns = random.random((sum(CLASSES.values()), 1, 3, SIZE, SIZE))
    images = patterns + noise * random.standard_normal((len(patterns), EACH, 3, SIZE, SIZE))
    flat = (images.reshape(-1, 3, SIZE, SIZE).clip(0, 1) * 255).astype(np.uint8)
    names = [(f"{split}{number}", split) for split in CLASSES for number in range(CLASSES[split])]
    classes = [
        ClassRows(name, split, "", EACH * place, EACH) for place, (name, split) in enumerate(names)
    ]
    return ImageStore(Path("memory"), flat, classes, {"dataset": DATASET, "size": SIZE})


class DoubleStore(ImageStore):
    """A store whose images come in double precision."""

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        return super().batch(rows).double()


def double_store() -> DoubleStore:
    whole = store()
    return DoubleStore(whole.folder, whole.images, whole.classes, whole.manifest)


def split(name: str = "train") -> Split:
    """The classes of one split."""
    rows = [row for row in store().classes if row.split == name]
    return Split(
        DATASET,
        name,
        [row.name for row in rows],
        np.array([row.first for row in rows]),
        np.array([row.count for row in rows]),
    )


def write_splits(path: Path) -> Path:
    """The same as a splits.parquet."""
    pq.write_table(split_table(DATASET, store().classes, None), path)
    return path


def tasks(
    name: str = "train", *, shot: int = 1, queries: int = 4, purpose: str = "evaluation"
) -> Tasks:
    """3-way tasks of one split."""
    source = EpisodeSource(split(name), seed=0, purpose=purpose)
    return Tasks(store(), source, TaskSize(NETWORK.way, shot, queries))


def batch(count: int = 2, *, first: int = 0, shot: int = 2) -> TaskBatch:
    """Some tasks in double precision."""
    drawn = tasks(shot=shot).batch(range(first, first + count))
    return replace(drawn, support=double(drawn.support), query=double(drawn.query))


def double(labelled: Labelled) -> Labelled:
    return Labelled(labelled.images.double(), labelled.labels)


def alone(batch: TaskBatch, number: int) -> TaskBatch:
    """One task of a batch, as a batch of one."""
    part = slice(number, number + 1)
    return TaskBatch(
        Labelled(batch.support.images[part], batch.support.labels[part]),
        Labelled(batch.query.images[part], batch.query.labels[part]),
        batch.episodes[part],
    )


def start(
    method: Method, network: Network = NETWORK, seed: int = 0, requires_grad: bool = False
) -> tuple[Parameters, Parameters]:
    """Slow weights and step sizes in double precision.

    Biases, gammas and betas are moved off their initial values, and learned step sizes off their
    common value and both signs, so that nothing is right by accident.
    """
    generator = torch.Generator().manual_seed(seed)
    slow = {
        name: value + 0.1 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
        for name, value in network.initial(seed, torch.float64).items()
    }
    slow = constrained(method, slow)
    sizes = initial_step_sizes(method, slow, seed, STEPS)
    if method.learn_step_size:
        sizes = {
            name: value * torch.randn(value.shape, generator=generator, dtype=value.dtype)
            for name, value in sizes.items()
        }
    for value in [*slow.values(), *sizes.values()]:
        value.requires_grad_(requires_grad)
    return slow, sizes


def state(method: Method, network: Network = NETWORK, seed: int = 0) -> State:
    """The same as what a learner of the method is made of."""
    slow, sizes = start(method, network, seed)
    return {"slow": slow, "step_sizes": sizes}
