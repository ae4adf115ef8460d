"""The inner loop: adapt a network to a batch of tasks, all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
import torch.nn.functional as F

from innerloop.data.tasks import Labelled
from innerloop.inner_loop.method import InnerLoss, Method
from innerloop.inner_loop.step_sizes import adapted_names, initial_step_sizes
from innerloop.inner_loop.update_rules.rule import UpdateRule, rule_of
from innerloop.nets.conv4 import Activations, Conv4
from innerloop.parameters import HEAD, Parameters, layer_of, role_of, with_task_axis

Forward: TypeAlias = Callable[[Parameters, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Adaptation:
    """What adapting to T tasks gives.

    Attributes:
        fast: the adapted weights, each [T, *shape].
        support_losses: inner loss of every task before each step, [T] a step.
        trajectory: the weights before each step and after the last, when asked for.
    """

    fast: Parameters
    support_losses: list[torch.Tensor]
    trajectory: list[Parameters] = field(default_factory=list)


def task_losses(
    logits: torch.Tensor, labels: torch.Tensor, kind: InnerLoss = "mean"
) -> torch.Tensor:
    """Cross-entropy of every task, [T], from logits [T, N, way] and labels [T, N].

    `mean` is over the N images; `sum_over_shots` divides their sum by the images a class has.
    """
    each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    total = each.view(labels.shape).sum(dim=1)
    count, way = labels.shape[1], logits.shape[2]
    return total / count if kind == "mean" else total / (count / way)


def adapt(
    network: Conv4,
    slow: Parameters,
    method: Method,
    support: Labelled,
    *,
    steps: int,
    step_sizes: Parameters | None = None,
    differentiable: bool = False,
    trajectory: bool = False,
) -> Adaptation:
    """Adapt slow weights to the support images of T tasks by `steps` inner steps.

    Every task has a copy of the slow weights; a step moves the parameters that the method adapts
    by its update rule on the gradient of the task's own inner loss (MAML, Algorithm 1).

    Args:
        network: the function being adapted.
        slow: weights before adaptation, without a task axis.
        method: what adapts, by which rule.
        support: the images and labels to adapt to.
        steps: number of inner steps; 0 gives the slow weights.
        step_sizes: of the adapted parameters; the method's initial ones when left out.
        differentiable: keep the graph from `slow` and `step_sizes` to the result; through the
            inner gradients too, unless the method is first order.
        trajectory: also return the weights before every step.
    """
    rule = rule_of(method)
    if step_sizes is None:
        step_sizes = initial_step_sizes(method, slow, seed=0)
    fast = with_task_axis(slow, len(support.images))
    moving = adapted_names(method, list(slow))
    with torch.set_grad_enabled(differentiable):
        forward, inputs = _inner_function(network, fast, moving, support.images)
    losses: list[torch.Tensor] = []
    visited = [fast] if trajectory else []
    for _ in range(steps):
        fast, loss = _step(
            fast, moving, forward, inputs, support.labels, method, rule, step_sizes, differentiable
        )
        losses.append(loss)
        if trajectory:
            visited.append(fast)
    return Adaptation(fast, losses, visited)


def _inner_function(
    network: Conv4, fast: Parameters, moving: list[str], images: torch.Tensor
) -> tuple[Forward, torch.Tensor]:
    """The part of the network that has to be run again every step, and what it is run on."""
    if all(layer_of(name) == HEAD for name in moving):
        return network.head, network.features(fast, images)
    return network, images


def _step(
    fast: Parameters,
    moving: list[str],
    forward: Forward,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    method: Method,
    rule: UpdateRule,
    step_sizes: Parameters,
    differentiable: bool,
) -> tuple[Parameters, torch.Tensor]:
    """One inner step of every task."""
    second_order = differentiable and not method.first_order
    with torch.enable_grad():
        # a leaf where no graph is wanted from before this step
        here = {
            name: fast[name] if second_order else fast[name].detach().requires_grad_()
            for name in moving
        }
        if not differentiable:
            inputs = inputs.detach()
        losses = task_losses(forward({**fast, **here}, inputs), labels, method.inner_loss)
        gradients = torch.autograd.grad(
            losses.sum(), list(here.values()), create_graph=second_order
        )
    with torch.set_grad_enabled(differentiable):
        moved = {
            name: rule(role_of(name), fast[name], gradient, step_sizes[name])
            for name, gradient in zip(moving, gradients, strict=True)
        }
    return {**fast, **moved}, losses.detach()


def query_logits(
    network: Conv4,
    fast: Parameters,
    support: torch.Tensor,
    query: torch.Tensor,
    activations: Activations | None = None,
) -> torch.Tensor:
    """Logits [T, N, way] of query images, normalised as the network's `batch_norm` says."""
    statistics = network.query_statistics(fast, support)
    return network(fast, query, statistics=statistics, activations=activations)
