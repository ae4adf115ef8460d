"""Accuracy on the recorded evaluation episodes: the measurement of both papers' tables."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.progress import Progress


def accuracy(model: ProbedModel) -> Iterator[Row]:
    """Query accuracy and loss of every recorded episode, after the variant's test steps.

    Options: `checkpoint`, whose weights are measured; `splits`, whose episodes; `tasks`, how many
    of each were recorded.
    """
    weights = model.weights(model.options["checkpoint"])
    for dataset in model.datasets:
        for split in model.options["splits"]:
            episodes = model.recorded(dataset, split)
            columns = model.measured(
                dataset, split, weights, model.test_steps, model.options["checkpoint"]
            )
            with Progress(f"accuracy on {dataset} {split}", len(episodes)) as progress:
                for start in range(0, len(episodes), model.tasks_at_once):
                    part = episodes[start : start + model.tasks_at_once]
                    rows = model.accuracies(model.tasks(dataset, split).of(part), weights)
                    yield from ({**columns, **row} for row in rows)
                    progress.advance(len(rows), accuracy=fmean(row["accuracy"] for row in rows))
