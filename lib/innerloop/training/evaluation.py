"""Evaluation: loss and accuracy on fixed tasks."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.inputs import require_network, require_tasks, require_weights
from innerloop.learners.learner import Learner, QueryResult, State
from innerloop.learners.losses import task_accuracies, task_losses
from innerloop.networks.network import Network
from innerloop.networks.parameters import bounded
from innerloop.runtime.errors import InputError


def query_results(
    network: Network, learner: Learner, state: State, batches: Iterable[TaskBatch], steps: int
) -> QueryResult:
    """Loss and accuracy of every task of the batches, in order.

    Args:
        network: as `learner.network` gives it.
        learner: how it learns.
        state: what was trained.
        batches: of tasks.
        steps: inner steps, where anything adapts.

    Raises:
        InputError: an argument does not fit the network, or there are no tasks.
    """
    require_network(network)
    require_weights(network, state["slow"], "slow")
    any_way, results = not isinstance(learner, GradientLearner), []
    for tasks in batches:
        require_tasks(network, tasks, state["slow"], values=True, any_way=any_way)
        results.append(_result(network, learner, state, tasks, steps))
    if not results:
        raise InputError("batches: there are no tasks to evaluate on")
    return QueryResult(
        torch.cat([result.losses for result in results]),
        torch.cat([result.accuracies for result in results]),
    )


@torch.no_grad()
def _result(
    network: Network, learner: Learner, state: State, tasks: TaskBatch, steps: int
) -> QueryResult:
    support, query = tasks.support, tasks.query
    adapted = learner.adapt(network, state, support, steps)
    scores = learner.predict(network, state, adapted, support, query.images, tasks.way)
    losses, accuracies = task_losses(scores, query.labels), task_accuracies(scores, query.labels)
    converged = losses.isfinite() & accuracies.isfinite()
    if adapted is not None:
        converged &= bounded(adapted.fast)
    return QueryResult(
        losses.masked_fill(~converged, math.nan), accuracies.masked_fill(~converged, math.nan)
    )
