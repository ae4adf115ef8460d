"""The outer loop's objective: query loss after adaptation, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.inner_loop.adapt import adapt, query_logits, task_losses
from innerloop.inner_loop.method import Method
from innerloop.nets.conv4 import Conv4
from innerloop.parameters import Parameters


@dataclass(frozen=True)
class QueryResult:
    """Per task: query loss [T] (nats) and accuracy [T] (fraction) after adaptation."""

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
    """
    adapted = adapt(
        network, slow, method, tasks.support,
        steps=steps, step_sizes=step_sizes, differentiable=differentiable,
    )  # fmt: skip
    with torch.set_grad_enabled(differentiable):
        logits = query_logits(network, adapted.fast, tasks.support.images, tasks.query.images)
        losses = task_losses(logits, tasks.query.labels)
    hits = logits.detach().argmax(dim=2) == tasks.query.labels
    return QueryResult(losses, hits.double().mean(dim=1))
