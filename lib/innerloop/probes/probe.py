"""The interface of probes: functions that measure one trained model.

Most are functions of one batch of tasks, with the decorator `probe`:

    @innerloop.probe("support loss")
    def support_loss(model, tasks):
        return model.adapt(tasks).support_losses[0]

A probe that needs other tasks or columns is a function `(model: ProbedModel) -> Iterator[dict]`. It
yields rows with the columns of `ProbedModel.measured`, an `episode`, and the columns of its own
table. The library adds the columns that identify the model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, TypeAlias

import torch

from innerloop.data.episodes import Episodes, EpisodeSource, TaskSize, read_episodes
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split
from innerloop.data.tasks import TaskBatch, Tasks
from innerloop.learners.gradient_based.adapt import Adaptation, initial_step_sizes
from innerloop.learners.gradient_based.method import Method, with_test_step_size
from innerloop.learners.learner import Learner
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.runtime.errors import ConfigError, DataError, InputError, NothingAdaptsError
from innerloop.runtime.progress import Progress
from innerloop.specs.measure import MeasureSpec
from innerloop.training.evaluation import query_results
from innerloop.training.model_file import TrainedModel, Weights

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class DatasetFiles:
    """A data set's image store, and its files of splits and (for accuracy) recorded episodes."""

    images: ImageStore
    splits: Path
    episodes: Path | None = None


@dataclass(frozen=True)
class ProbedModel:
    """A trained model, and all that a probe needs to measure it.

    Attributes:
        trained: network, learner and weights.
        spec: the parameters of the measurement.
        files: data set -> its files.
        device: the device to compute on.
        beside: another trained model to compare with, if the study asks for it.
    """

    trained: TrainedModel
    spec: MeasureSpec
    files: Mapping[str, DatasetFiles]
    device: torch.device
    beside: TrainedModel | None = None

    @property
    def network(self) -> Network:
        """The model's network."""
        return self.trained.network

    @property
    def learner(self) -> Learner:
        """How it learns."""
        return self.trained.learner

    @property
    def method(self) -> Method | None:
        """How it adapts; None if the learner is not a method."""
        return self.trained.method

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets to measure on."""
        return self.spec.datasets

    @property
    def options(self) -> Mapping[str, Any]:
        """The probe's options from the study file."""
        return self.spec.options

    @property
    def test_steps(self) -> int:
        """Inner steps that the variant takes on test tasks."""
        return self.spec.test_steps

    @property
    def tasks_at_once(self) -> int:
        """Tasks that go through the network together."""
        return self.spec.tasks_at_once

    def weights(self, checkpoint: str | int = "last") -> Weights:
        """Weights of `best`, `last` or a kept iteration, on the device.

        They include the step sizes for test tasks, which may differ from those of training.
        """
        weights = self.trained.at(checkpoint)
        if self.spec.test_step_size is not None and self.method is not None:
            method = with_test_step_size(self.method, self.spec.test_step_size)
            sizes = initial_step_sizes(method, weights.slow, seed=0)
            weights = replace(weights, state={**weights.state, "step_sizes": sizes})
        return weights.to(self.device)

    def adapt(
        self,
        tasks: TaskBatch,
        weights: Weights | None = None,
        steps: int | None = None,
        *,
        trajectory: bool = False,
    ) -> Adaptation:
        """Adapt to the support images of T tasks, without an autograd graph.

        Args:
            tasks: T tasks.
            weights: the weights to start from, by default those of the last iteration.
            steps: inner steps, by default the variant's test steps.
            trajectory: also return the weights before every step.

        Raises:
            NothingAdaptsError: no weight adapts under the model's learner.
        """
        state = (weights or self._last).state
        taken = self.test_steps if steps is None else steps
        with torch.no_grad():
            adapted = self.learner.adapt(
                self.network, state, tasks.support, taken, trajectory=trajectory
            )
        if adapted is None:
            raise NothingAdaptsError(
                f"{self.spec.model.in_words}: no weight adapts under this learner, so "
                f"{self.spec.table or 'the probe'} has nothing to measure"
            )
        return adapted

    def adaptations(
        self,
        what: str,
        dataset: str,
        count: int,
        steps: Collection[int],
        weights: Weights | None = None,
        checkpoint: str = "last",
    ) -> Iterator[tuple[TaskBatch, Parameters, list[tuple[Row, Parameters]]]]:
        """Adapt to test tasks, batch by batch, to measure after each of several numbers of steps.

        Args:
            what: what is measured, for the progress display.
            dataset: the data set of the tasks.
            count: number of tasks.
            steps: the numbers of inner steps.
            weights: the weights to start from, by default those of the last iteration.
            checkpoint: what rows call these weights, `last` or `named`.

        Yields:
            A batch of tasks; the weights before adaptation; and for each number of steps, the
            columns of `measured` and the fast weights. All weights have a task axis.
        """
        start = weights or self._last
        columns = [self.measured(dataset, "test", start, taken, checkpoint) for taken in steps]
        with Progress(f"{what} on {dataset}", count) as progress:
            for tasks in self.tasks(dataset).batches(count, self.tasks_at_once):
                # one trajectory passes through all numbers of steps
                visited = self.adapt(tasks, start, max(steps), trajectory=True).trajectory
                fast = [visited[taken] for taken in steps]
                yield tasks, visited[0], list(zip(columns, fast, strict=True))
                progress.advance(len(tasks))

    def accuracies(
        self, what: str, batches: Iterable[TaskBatch], count: int, weights: Weights
    ) -> Iterator[Row]:
        """Rows of `episode`, `accuracy` and `loss` on the query images of `count` tasks."""
        state, steps = weights.state, self.test_steps
        with Progress(f"accuracy {what}", count) as progress:
            for tasks in batches:
                result = query_results(self.network, self.learner, state, [tasks], steps)
                accuracies = result.accuracies.tolist()
                of_each = zip(tasks.episodes.index, accuracies, result.losses.tolist(), strict=True)
                for episode, accuracy, loss in of_each:
                    yield {"episode": int(episode), "accuracy": accuracy, "loss": loss}
                progress.advance(len(tasks), accuracy=fmean(accuracies))

    def tasks(
        self,
        dataset: str,
        split: str = "test",
        purpose: str = "evaluation",
        size: TaskSize | None = None,
    ) -> Tasks:
        """Tasks of a data set; by default those that accuracy is measured on.

        Another `purpose` draws independent tasks; `size` is by default that of training, with the
        number of query images in tests.
        """
        model = self.spec.model
        size = size or TaskSize(model.way, model.shot, self.spec.queries)
        place = (dataset, split, purpose, size)
        if place not in self._tasks:
            files = self.files[dataset]
            source = EpisodeSource(read_split(files.splits, split), model.study_seed, purpose)
            self._tasks[place] = Tasks(files.images, source, size, self.device)
        return self._tasks[place]

    def recorded(self, dataset: str, split: str) -> Episodes:
        """The evaluation episodes as the study recorded them.

        Raises:
            DataError: the job has no file of them.
        """
        path = self.files[dataset].episodes
        if path is None:
            raise DataError(f"this job was not given the recorded episodes of '{dataset}'")
        return read_episodes(path, split)

    def measured(
        self, dataset: str, split: str, weights: Weights, steps: int, checkpoint: str = "last"
    ) -> Row:
        """The columns of a row that say how it was measured, except `episode`."""
        return {
            "eval_dataset": dataset,
            "eval_store": self.files[dataset].images.name,
            "split": split,
            "checkpoint": checkpoint,
            "iteration": weights.iteration,
            "steps": steps,
            "queries": self.spec.queries,
            "batch_norm": self.network.batch_norm,
        }

    @cached_property
    def _last(self) -> Weights:
        """The weights of the last iteration, moved to the device once."""
        return self.weights()

    @cached_property
    def _tasks(self) -> dict[tuple[str, str, str, TaskSize], Tasks]:
        """(data set, split, purpose, size) -> tasks; a cache, so that each split is read once."""
        return {}


Probe: TypeAlias = Callable[[ProbedModel], Iterator[Row]]
#: (model, tasks) -> values per task, [T], of the whole network, or a mapping of them by layer.
BatchProbe: TypeAlias = Callable[
    [ProbedModel, TaskBatch], torch.Tensor | Mapping[str, torch.Tensor]
]


def probe(metric: str) -> Callable[[BatchProbe], Probe]:
    """Make a probe from a function `(model, tasks)` that measures one batch of T tasks.

    The function returns a tensor [T] of values, or a mapping from layer to such a tensor. It is
    called on every data set and each of its `splits` (default: test), on as many tasks as the
    option `tasks` says, the same ones that accuracy is measured on. Every value becomes a row.

    Args:
        metric: the name of the measured quantity in tables.

    Raises:
        ConfigError: the study file does not say how many `tasks`.
        InputError: the function returns something else.
    """

    def decorate(measure: BatchProbe) -> Probe:
        @wraps(measure)
        def rows(model: ProbedModel) -> Iterator[Row]:
            count = model.options.get("tasks")
            if not isinstance(count, int):
                raise ConfigError(
                    f"probes.{model.spec.table}: tasks is {count!r}; say how many tasks of each "
                    "data set to measure on"
                )
            weights = model.weights()
            for dataset, split in product(model.datasets, model.options.get("splits", ["test"])):
                columns = {
                    **model.measured(dataset, split, weights, model.test_steps),
                    "metric": metric,
                }
                with Progress(f"{metric} on {dataset} {split}", count) as progress:
                    for tasks in model.tasks(dataset, split).batches(count, model.tasks_at_once):
                        for row in _values(measure(model, tasks), tasks):
                            yield {**columns, **row}
                        progress.advance(len(tasks))

        return rows

    return decorate


def per_task(tasks: TaskBatch, columns: Row, name: str, values: torch.Tensor) -> Iterator[Row]:
    """A row for each of T tasks: shared columns, its `episode`, and its value of [T] as `name`."""
    for episode, value in zip(tasks.episodes.index.tolist(), values.tolist(), strict=True):
        yield {**columns, "episode": episode, name: value}


def _values(measured: torch.Tensor | Mapping[str, torch.Tensor], tasks: TaskBatch) -> Iterator[Row]:
    by_layer = measured if isinstance(measured, Mapping) else {"": measured}
    for layer, values in by_layer.items():
        if not isinstance(values, torch.Tensor) or values.shape != (len(tasks),):
            shown = list(values.shape) if isinstance(values, torch.Tensor) else repr(values)
            raise InputError(
                f"a probe returned {shown} for {layer or 'the network'}; expected one value per "
                f"task, a tensor [{len(tasks)}]"
            )
        yield from per_task(tasks, {"layer": layer}, "value", values)
