"""Evaluation: loss and accuracy on given tasks."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.learners.inputs import require_network, require_tasks, require_weights
from innerloop.learners.learner import Learner, QueryResult, State
from innerloop.learners.losses import task_accuracies, task_losses
from innerloop.networks.network import Network
from innerloop.runtime.errors import InputError
from innerloop.training.model_file import TrainedModel


def evaluate(
    model: TrainedModel,
    tasks: TaskBatch | Iterable[TaskBatch],
    *,
    steps: int | None = None,
    checkpoint: str | int = "last",
) -> torch.Tensor:
    """Accuracy of a trained model on each of T tasks, [T], in their order.

    Args:
        model: as returned by `load` or `train`.
        tasks: a batch of tasks, or several: `tasks_of(images, "test").batches(600, at_once=10)`.
        steps: inner steps; by default the `test_steps` that the model was trained for.
        checkpoint: which weights: `best`, `last`, or a kept iteration.

    Returns:
        The fraction of each task's query images that are classified correctly, on the tasks'
        device. NaN where adaptation diverged.

    Raises:
        InputError: a task does not fit the network, or there are none.
        CheckpointError: that iteration was not kept.
    """
    if not isinstance(model, TrainedModel):
        raise InputError(
            f"model is a {type(model).__name__}; expected a trained model, such as "
            "innerloop.load('model.pt')"
        )
    return query_results(
        model.network,
        model.learner,
        model.at(checkpoint).state,
        tasks if isinstance(tasks, Iterable) else [tasks],
        model.spec.schedule.test_steps if steps is None else steps,
    ).accuracies


def query_results(
    network: Network, learner: Learner, state: State, batches: Iterable[TaskBatch], steps: int
) -> QueryResult:
    """Loss and accuracy of every task of the batches, in order.

    Args:
        network: as returned by `learner.network`.
        learner: how it learns.
        state: the trained state.
        batches: of tasks.
        steps: inner steps, for a learner with an inner loop.

    Raises:
        InputError: an argument does not fit the network, or there are no tasks.
    """
    require_network(network)
    require_weights(network, state["slow"], "slow")
    results = []
    for tasks in batches:
        # some learners do not use the head, and so allow any way
        require_tasks(network, tasks, state["slow"], values=True, any_way=True)
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
    return QueryResult.after(adapted, losses, accuracies)
