"""Pre-training on all training classes at once, then a classifier per task on frozen features.

P1 Section 1 contrasts it with meta-learning (its ref. [14], Tian et al. 2020; Chen et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F

from innerloop.data.tasks import TaskBatch
from innerloop.engine.engine import engine_of
from innerloop.learners.features import FeatureLearner
from innerloop.learners.learner import Batch, QueryResult, State
from innerloop.learners.losses import loss_scale, task_accuracies
from innerloop.learners.prototypes import minus_squared_distances
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, with_task_axis
from innerloop.runtime.field_checks import require_fields

Classifier: TypeAlias = Literal["linear", "nearest_mean"]

#: Gradient descent steps; more would change no digit that is shown.
_STEPS = 300


@dataclass(frozen=True)
class Pretrained(FeatureLearner):
    """Trains the network to classify all training classes; its head is then discarded.

    Attributes:
        classifier: fitted to each task: `linear`, logistic regression on features of length 1, as
            in Tian et al.; or `nearest_mean`, as in prototypical networks.
    """

    batch: ClassVar[Batch] = "images"
    classifier: Classifier = "linear"

    def __post_init__(self) -> None:
        require_fields(self)

    def network(self, network: Network, classes: int) -> Network:
        """The network with a head for all training classes."""
        return replace(network, way=classes)

    def init(self, network: Network, seed: int) -> State:
        """`slow` weights, which are all trained, including the head's."""
        slow = network.initial(seed)
        return {"slow": {name: w.requires_grad_() for name, w in slow.items()}, "learned": {}}

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """The gradient of the images' mean cross-entropy."""
        images, weights = batch.support, with_task_axis(state["slow"], 1)
        scale = loss_scale(images.labels, network.way)
        losses, scores = engine_of(network).losses(weights, images, scale)
        torch.autograd.backward(losses.mean())
        return QueryResult(losses.detach(), task_accuracies(scores.detach(), images.labels))

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """Scores of the query images by a classifier fitted to the task's support images."""
        if self.classifier == "nearest_mean":
            return minus_squared_distances(support, labels, query)
        return logistic_regression(F.normalize(support, dim=2), labels, F.normalize(query, dim=2))


def logistic_regression(
    support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor
) -> torch.Tensor:
    """Logits X_q W for the W that minimises ||W||^2 / 2 + summed cross-entropy on the support.

    Gradient descent on A, where W = X'A; the fixed point is A = Y - softmax(X X' A). There is no
    bias: with equally many images per class, none is needed. Arguments as for
    `FeatureLearner.scores`; the features' length of 1 bounds the curvature, and so the step.
    """
    gram, dual = support @ support.mT, torch.zeros_like(labels)
    step = 1 / (1 + support.shape[1] / 2)
    for _ in range(_STEPS):
        dual = dual - step * (dual + (gram @ dual).softmax(dim=2) - labels)
    return query @ (support.mT @ dual)
