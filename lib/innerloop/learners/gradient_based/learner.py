"""The learner behind all methods: MAML and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.engine.engine import engine_of
from innerloop.learners.gradient_based.adapt import (
    Adaptation,
    adapt,
    initial_step_sizes,
    query_logits,
)
from innerloop.learners.gradient_based.constraint import constrained
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.learner import Batch, QueryResult, State
from innerloop.learners.losses import loss_scale, task_accuracies
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters


@dataclass(frozen=True)
class GradientLearner:
    """Adapts by a method; slow weights, and perhaps step sizes, are trained through the inner loop.

    Attributes:
        method: what adapts, by which rule, with which step sizes.
        train_steps: inner steps while training.
        keep_activations: keep every inner step's activations for the outer gradient.
    """

    method: Method
    train_steps: int
    keep_activations: bool = False
    batch: ClassVar[Batch] = "episodes"

    def network(self, network: Network, classes: int) -> Network:
        """The network, unchanged: its head has one output per class of a task."""
        return network

    def init(self, network: Network, seed: int) -> State:
        """`slow` weights on the method's constraint; `step_sizes` without their lower bound."""
        slow = constrained(self.method, network.initial(seed))
        sizes = initial_step_sizes(self.method, slow, seed, self.train_steps)
        learned = bool(self.method.learn_step_size)
        return {
            "slow": {name: weight.requires_grad_() for name, weight in slow.items()},
            "step_sizes": {name: size.requires_grad_(learned) for name, size in sizes.items()},
        }

    def step_sizes(self, state: State) -> Parameters:
        """Step sizes as the inner loop uses them: max(learned number, lower bound).

        The gradient passes straight through, as if there were no bound, so that a step size can
        leave its bound again (sparse-ReLU-MAML, von Oswald et al. 2021).
        """
        learned, bound = state["step_sizes"], self.method.step_size_lower_bound
        if bound is None:
            return learned
        return {
            name: number.detach().clamp(min=bound) + (number - number.detach())
            for name, number in learned.items()
        }

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """The gradient of the mean query loss after adaptation (MAML Alg. 1; P2 eq. 2 and 4)."""
        result = query_result(
            network, state["slow"], self.step_sizes(state), self.method, batch, self.train_steps,
            keep_activations=self.keep_activations,
        )  # fmt: skip
        torch.autograd.backward(result.losses.mean())
        return QueryResult(result.losses.detach(), result.accuracies)

    def adapt(
        self,
        network: Network,
        state: State,
        support: Labelled,
        steps: int,
        *,
        trajectory: bool = False,
    ) -> Adaptation:
        """Adapt by the method's update rule, with the state's step sizes."""
        return adapt(
            network, state["slow"], self.method, support,
            steps=steps, step_sizes=self.step_sizes(state), trajectory=trajectory,
        )  # fmt: skip

    def predict(
        self,
        network: Network,
        state: State,
        adapted: Adaptation | None,
        support: Labelled,
        query: torch.Tensor,
        way: int,
    ) -> torch.Tensor:
        """Logits under the fast weights."""
        assert adapted is not None
        return query_logits(network, adapted.fast, support.images, query)

    def project(self, state: State) -> State:
        """The state, with conv weights scaled to norm 1 if the method requires it."""
        return {**state, "slow": constrained(self.method, state["slow"])}


def query_result(
    network: Network,
    slow: Parameters,
    step_sizes: Parameters,
    method: Method,
    tasks: TaskBatch,
    steps: int,
    *,
    keep_activations: bool = False,
) -> QueryResult:
    """Adapt to the tasks' support images; return loss and accuracy on their query images.

    Args:
        network: the network.
        slow: weights before adaptation.
        step_sizes: of the adapted parameters.
        method: what adapts, by which rule.
        tasks: T tasks.
        steps: inner steps.
        keep_activations: as for `adapt`.

    Returns:
        Losses, differentiable with respect to `slow` and `step_sizes`, and accuracies; both NaN
        where adaptation diverged.
    """
    adapted = adapt(
        network, slow, method, tasks.support,
        steps=steps, step_sizes=step_sizes, differentiable=True,
        keep_activations=keep_activations, trusted=True,
    )  # fmt: skip
    query = tasks.query
    losses, logits = engine_of(network).losses(
        adapted.fast, query, loss_scale(query.labels, network.way), support=tasks.support.images
    )
    return QueryResult.after(adapted, losses, task_accuracies(logits.detach(), query.labels))
