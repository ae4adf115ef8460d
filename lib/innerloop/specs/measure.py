"""Parameters of measurements: of a model, of the baseline on raw pixels, of the toy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from innerloop.runtime.compute import Compute
from innerloop.specs.data import EvaluationTasks
from innerloop.specs.train import TrainSpec


@dataclass(frozen=True, kw_only=True)
class MeasureSpec:
    """Measure one model: its accuracy, or by another probe.

    Attributes:
        table: the table that the rows belong to.
        entry: entry of the probe's code.
        options: the probe's options from the study file.
        datasets: the data sets to measure on.
        queries: query images per class.
        test_steps: inner steps on test tasks.
        test_step_size: inner step size on test tasks and in probes, where it is not the one trained
            and validated with; null: that one
        tasks_at_once: tasks that go through the network together.
        model: the parameters of the model's training.
        beside: the parameters of another model's training, which the probe compares with, if any.
        compute: the device and threads to use.
        code: digest of the code that the job calls.
    """

    table: str
    entry: str
    options: Mapping[str, Any]
    datasets: tuple[str, ...]
    queries: int
    test_steps: int
    test_step_size: float | None = None
    tasks_at_once: int
    model: TrainSpec
    beside: TrainSpec | None = None
    compute: Compute
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class RawPixelsSpec(EvaluationTasks):
    """Measure the nearest class mean on raw pixels.

    Attributes:
        store: the image store.
        code: digest of the code that the job calls.
    """

    store: str
    code: str = ""


@dataclass(frozen=True, kw_only=True)
class ToySpec:
    """Train the supervised toy of P1 A.2 once, at every step size.

    Attributes:
        dataset: supervised data set.
        store: the image store.
        image_size: side of the square images in pixels.
        filters: filters of each Conv4 block.
        arm: the update: unit_norm or scaled_lr.
        step_sizes: SGD step sizes to try.
        epochs: passes over the training images.
        batch: images per step.
        seed: for initial weights and batches.
        compute: the device and threads to use.
        code: digest of the code that the job calls.
    """

    dataset: str
    store: str
    image_size: int
    filters: int
    arm: str
    step_sizes: tuple[float, ...]
    epochs: int
    batch: int
    seed: int
    compute: Compute
    code: str = ""


#: The parameters of a job that writes measurements or training logs.
Spec: TypeAlias = TrainSpec | MeasureSpec | RawPixelsSpec | ToySpec
