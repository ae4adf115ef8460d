"""Evaluation: query accuracy after adaptation on fixed tasks."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.inner_loop.method import Method
from innerloop.meta.outer_loop import QueryResult, query_result
from innerloop.nets.conv4 import Conv4
from innerloop.parameters import Parameters


def evaluate(
    network: Conv4,
    slow: Parameters,
    step_sizes: Parameters,
    method: Method,
    batches: Iterable[TaskBatch],
    steps: int,
) -> QueryResult:
    """Loss and accuracy of every task of the batches, in order."""
    results = [
        query_result(network, slow, step_sizes, method, tasks, steps, differentiable=False)
        for tasks in batches
    ]
    return QueryResult(
        torch.cat([result.losses for result in results]),
        torch.cat([result.accuracies for result in results]),
    )
