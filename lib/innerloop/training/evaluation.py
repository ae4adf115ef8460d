"""Evaluation: query accuracy after adaptation on fixed tasks."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.learners.inputs import require_network, require_tasks, require_weights
from innerloop.learners.method import Method
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.runtime.errors import InputError
from innerloop.training.outer_loop import QueryResult, query_result


def evaluate(
    network: Network,
    slow: Parameters,
    step_sizes: Parameters,
    method: Method,
    batches: Iterable[TaskBatch],
    steps: int,
) -> QueryResult:
    """Loss and accuracy of every task of the batches, in order.

    Raises:
        InputError: an argument does not fit the network, or there are no tasks.
    """
    require_network(network)
    require_weights(network, slow, "slow")
    results = []
    for tasks in batches:
        require_tasks(network, tasks, slow, values=True)
        results.append(
            query_result(network, slow, step_sizes, method, tasks, steps, differentiable=False)
        )
    if not results:
        raise InputError("batches: there are no tasks to evaluate on")
    return QueryResult(
        torch.cat([result.losses for result in results]),
        torch.cat([result.accuracies for result in results]),
    )
