"""Learners under which no weight adapts: a task is solved in closed form on the body's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.engine.engine import engine_of
from innerloop.learners.gradient_based.adapt import Adaptation
from innerloop.learners.learner import Batch, QueryResult, State
from innerloop.learners.losses import task_accuracies, task_losses
from innerloop.networks.network import Network
from innerloop.networks.options import HEAD
from innerloop.networks.parameters import Parameters, layer_of, with_task_axis


@dataclass(frozen=True)
class FeatureLearner:
    """The body is trained so that `scores` of its features are right; its own head is never used.

    A learner of this kind says `scores`, and perhaps `learned`.

    Attributes:
        batch: what an outer step consumes: `episodes`, or `images` of all training classes, for one
            that says `outer_gradient`, too.
    """

    batch: ClassVar[Batch] = "episodes"

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """Scores [T, M, way] of query images by their features; the highest is the answer.

        Args:
            support: features [T, N, F] of labelled images.
            labels: their classes, one-hot, [T, N, way].
            query: features [T, M, F].
            learned: what is trained besides the network.
        """
        raise NotImplementedError

    def learned(self) -> Parameters:
        """What is trained besides the network, as it starts."""
        return {}

    def network(self, network: Network, classes: int) -> Network:
        """As it is."""
        return network

    def init(self, network: Network, seed: int) -> State:
        """`slow` weights, of which the head's stay, and what is `learned` besides."""
        slow = network.initial(seed)
        return {
            "slow": {name: w.requires_grad_(layer_of(name) != HEAD) for name, w in slow.items()},
            "learned": {name: value.requires_grad_() for name, value in self.learned().items()},
        }

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """That of the mean cross-entropy of the query images."""
        support, query = batch.support, batch.query
        scores = self.predict(network, state, None, support, query.images, batch.way)
        losses = task_losses(scores, query.labels)
        torch.autograd.backward(losses.mean())
        return QueryResult(losses.detach(), task_accuracies(scores.detach(), query.labels))

    def adapt(
        self,
        network: Network,
        state: State,
        support: Labelled,
        steps: int,
        *,
        trajectory: bool = False,
    ) -> None:
        """No weight adapts."""

    def predict(
        self,
        network: Network,
        state: State,
        adapted: Adaptation | None,
        support: Labelled,
        query: torch.Tensor,
        way: int,
    ) -> torch.Tensor:
        """What `scores` says of the query images, given the support."""
        engine, weights = engine_of(network), with_task_axis(state["slow"], len(support))
        given = engine.features(weights, support.images)
        asked = engine.features(weights, query, support=support.images)
        classes = torch.arange(way, device=given.device)
        one_hot = (support.labels.unsqueeze(2) == classes).to(given)
        return self.scores(given, one_hot, asked, state["learned"])

    def project(self, state: State) -> State:
        """Nothing is constrained."""
        return state
