"""The outer loop's objective: query loss after adaptation, and its gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.engine.engine import engine_of
from innerloop.learners.adapt import adapt
from innerloop.learners.losses import loss_scale, task_accuracies
from innerloop.learners.method import Method
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, bounded


@dataclass(frozen=True)
class QueryResult:
    """Per task: query loss [T] (nats) and accuracy [T] (fraction) after adaptation.

    Both are NaN for a task on which adaptation diverged.
    """

    losses: torch.Tensor
    accuracies: torch.Tensor


def query_result(
    network: Network,
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
    network: Network, fast: Parameters, tasks: TaskBatch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean query cross-entropy of every task [T], differentiable, and logits [T, N, way]."""
    query = tasks.query
    scale = loss_scale(query.labels, network.way)
    return engine_of(network).losses(fast, query, scale, support=tasks.support.images)
