"""Accuracy on the recorded evaluation episodes, as in both papers' tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from innerloop.probes.probe import ProbedModel, Row


def accuracy(model: ProbedModel) -> Iterator[Row]:
    """Query accuracy and loss of every recorded episode, after the variant's test steps.

    Options: `checkpoint`, the weights to measure; `splits`, those of the episodes; `tasks`, how
    many were recorded per split.
    """
    checkpoint = model.options["checkpoint"]
    weights = model.weights(checkpoint)
    for dataset, split in product(model.datasets, model.options["splits"]):
        episodes, tasks = model.recorded(dataset, split), model.tasks(dataset, split)
        columns = model.measured(dataset, split, weights, model.test_steps, checkpoint)
        starts = range(0, len(episodes), model.tasks_at_once)
        batches = (tasks.of(episodes[start : start + model.tasks_at_once]) for start in starts)
        for row in model.accuracies(f"on {dataset} {split}", batches, len(episodes), weights):
            yield {**columns, **row}
