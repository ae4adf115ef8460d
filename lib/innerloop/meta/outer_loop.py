"""The outer loop's objective: query loss after adaptation, and its gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.inner_loop.adapt import adapt, query_logits
from innerloop.inner_loop.losses import loss_scale, task_accuracies, task_losses
from innerloop.inner_loop.method import Method
from innerloop.nets.conv4 import Conv4
from innerloop.nets.losses import TaskLosses
from innerloop.parameters import Parameters, bounded


@dataclass(frozen=True)
class QueryResult:
    """Per task: query loss [T] (nats) and accuracy [T] (fraction) after adaptation.

    Both are NaN for a task on which adaptation diverged.
    """

    losses: torch.Tensor
    accuracies: torch.Tensor


def query_result(
    network: Conv4,
    slow: Parameters,
    step_sizes: Parameters,
    method: Method,
    tasks: TaskBatch,
    steps: int,
    *,
    differentiable: bool,
    keep_activations: bool = False,
) -> QueryResult:
    """Adapt to the tasks' support images and judge on their query images.

    Args:
        network: the network.
        slow: weights before adaptation.
        step_sizes: of the adapted parameters.
        method: what adapts, by which rule.
        tasks: T tasks.
        steps: inner steps.
        differentiable: whether the losses keep their graph to `slow` and `step_sizes`.
        keep_activations: as for `adapt`.
    """
    adapted = adapt(
        network, slow, method, tasks.support,
        steps=steps, step_sizes=step_sizes, differentiable=differentiable,
        keep_activations=keep_activations, trusted=True,
    )  # fmt: skip
    with torch.set_grad_enabled(differentiable):
        losses, logits = query_losses(network, adapted.fast, tasks)
    accuracies = task_accuracies(logits.detach(), tasks.query.labels)
    diverged = ~(losses.detach().isfinite() & accuracies.isfinite() & bounded(adapted.fast))
    return QueryResult(
        losses.masked_fill(diverged, math.nan), accuracies.masked_fill(diverged, math.nan)
    )


def query_losses(
    network: Conv4, fast: Parameters, tasks: TaskBatch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean query cross-entropy of every task [T], differentiable, and logits [T, N, way]."""
    query = tasks.query
    if network.batch_norm == "batch":
        scale = loss_scale(query.labels, network.way)
        return TaskLosses(network, query.images, query.labels, scale).losses(fast)
    logits = query_logits(network, fast, tasks.support.images, query.images)
    return task_losses(logits, query.labels), logits
