"""Learners that adapt no weight: a task is solved on the body's features, mostly in closed form."""

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
    """Trains the body so that `scores` of its features are right; the network's head is unused.

    A subclass defines `scores`, and perhaps `learned`.

    Attributes:
        batch: what an outer step takes: `episodes`, or `images` of all training classes for a
            subclass that also defines `outer_gradient`.
    """

    batch: ClassVar[Batch] = "episodes"

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """Class scores [T, M, way] of query images; the highest is the prediction.

        Args:
            support: features [T, N, F] of the labelled images.
            labels: their one-hot labels [T, N, way].
            query: features [T, M, F] of the query images.
            learned: parameters that are trained besides the network's.
        """
        raise NotImplementedError

    def learned(self) -> Parameters:
        """Initial values of the parameters that are trained besides the network's."""
        return {}

    def network(self, network: Network, classes: int) -> Network:
        """The network, unchanged."""
        return network

    def init(self, network: Network, seed: int) -> State:
        """`slow` weights, all trained but the head's, and the `learned` parameters."""
        slow = network.initial(seed)
        return {
            "slow": {name: w.requires_grad_(layer_of(name) != HEAD) for name, w in slow.items()},
            "learned": {name: value.requires_grad_() for name, value in self.learned().items()},
        }

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """The gradient of the query images' mean cross-entropy."""
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
        """None: no weight adapts."""

    def predict(
        self,
        network: Network,
        state: State,
        adapted: Adaptation | None,
        support: Labelled,
        query: torch.Tensor,
        way: int,
    ) -> torch.Tensor:
        """The `scores` of the query images, given the support."""
        engine, weights = engine_of(network), with_task_axis(state["slow"], len(support))
        support_features = engine.features(weights, support.images)
        query_features = engine.features(weights, query, support=support.images)
        classes = torch.arange(way, device=support_features.device)
        one_hot = (support.labels.unsqueeze(2) == classes).to(support_features)
        return self.scores(support_features, one_hot, query_features, state["learned"])

    def project(self, state: State) -> State:
        """The state, unchanged: there is no constraint."""
        return state
