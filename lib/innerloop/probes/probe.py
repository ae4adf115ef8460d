"""The interface of a probe: a function that measures one trained model.

    def my_probe(model: ProbedModel) -> Iterator[dict]:
        for dataset in model.datasets:
            for tasks in model.tasks(dataset).batches(model.options["tasks"], model.tasks_at_once):
                ...
                yield {**model.measured(dataset, "test", weights, steps), "episode": 0, ...}

It yields rows: the columns of `measured`, an `episode`, and the columns of its own table. The
library adds the columns that say which model it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch

from innerloop.data.episodes import Episodes, EpisodeSource, TaskSize, read_episodes
from innerloop.data.image_store import ImageStore
from innerloop.data.splits import read_split
from innerloop.data.tasks import Tasks
from innerloop.errors import DataError
from innerloop.inner_loop.method import Method, with_test_step_size
from innerloop.inner_loop.step_sizes import initial_step_sizes
from innerloop.meta.model_file import TrainedModel, Weights
from innerloop.networks.network import Network
from innerloop.specs.measure import MeasureSpec

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class DatasetFiles:
    """Where a data set's images, splits and (for accuracy) recorded episodes are."""

    images: ImageStore
    splits: Path
    episodes: Path | None = None


@dataclass(frozen=True)
class ProbedModel:
    """A trained model, and all that a probe needs to measure it.

    Attributes:
        trained: network, method and weights.
        spec: what it is measured by.
        files: where each data set is.
        device: where to compute.
    """

    trained: TrainedModel
    spec: MeasureSpec
    files: Mapping[str, DatasetFiles]
    device: torch.device

    @property
    def network(self) -> Network:
        """The function."""
        return self.trained.network

    @property
    def method(self) -> Method:
        """How it adapts."""
        return self.trained.method

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets to measure on."""
        return self.spec.datasets

    @property
    def options(self) -> Mapping[str, Any]:
        """The probe's own settings from the study file."""
        return self.spec.options

    @property
    def test_steps(self) -> int:
        """Inner steps that the variant takes on test tasks."""
        return self.spec.test_steps

    @property
    def tasks_at_once(self) -> int:
        """Tasks to put through the network together."""
        return self.spec.tasks_at_once

    def weights(self, checkpoint: str | int = "last") -> Weights:
        """Weights of `best`, `last` or a kept iteration, on the device.

        With them are the step sizes to adapt by, those that are meant for test tasks.
        """
        found = self.trained.at(checkpoint)
        if self.spec.test_step_size is not None:
            method = with_test_step_size(self.method, self.spec.test_step_size)
            found = replace(found, step_sizes=initial_step_sizes(method, found.slow, seed=0))
        return found.to(self.device)

    def tasks(self, dataset: str, split: str = "test", purpose: str = "evaluation") -> Tasks:
        """The tasks of a data set: the very ones that accuracy is evaluated on.

        Another `purpose` draws independent tasks.
        """
        files = self.files[dataset]
        model = self.spec.model
        source = EpisodeSource(read_split(files.splits, split), model.study_seed, purpose)
        size = TaskSize(model.way, model.shot, self.spec.queries)
        return Tasks(files.images, source, size, self.device)

    def recorded(self, dataset: str, split: str) -> Episodes:
        """The evaluation episodes as the study recorded them.

        Raises:
            DataError: this job was not given them.
        """
        path = self.files[dataset].episodes
        if path is None:
            raise DataError(f"the recorded episodes of '{dataset}' were not given to this job")
        return read_episodes(path, split)

    def measured(
        self, dataset: str, split: str, weights: Weights, steps: int, checkpoint: str = "last"
    ) -> Row:
        """The columns that say under which protocol a row was measured, but for `episode`."""
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


Probe: TypeAlias = Callable[[ProbedModel], Iterator[Row]]
