"""Pre-training: all training classes at once, then a classifier per task on features that stay.

P1 Section 1 holds it against meta-learning (its ref. [14], Tian et al. 2020; Chen et al. 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias, get_args

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
from innerloop.runtime.errors import require_choice

Classifier: TypeAlias = Literal["linear", "nearest_mean"]

#: Steps of gradient descent: more change no digit that is shown.
_STEPS = 300


@dataclass(frozen=True)
class Pretrained(FeatureLearner):
    """The network classifies the images of all training classes; its head is then thrown away.

    Attributes:
        classifier: of each task: `linear`, logistic regression on features of length 1, as Tian et
            al.; or `nearest_mean`, as prototypical networks.
    """

    batch: ClassVar[Batch] = "images"
    classifier: Classifier = "linear"

    def __post_init__(self) -> None:
        require_choice("classifier", self.classifier, get_args(Classifier))

    def network(self, network: Network, classes: int) -> Network:
        """With a head for every training class."""
        return replace(network, way=classes)

    def init(self, network: Network, seed: int) -> State:
        """`slow` weights, with the head's."""
        slow = network.initial(seed)
        return {"slow": {name: w.requires_grad_() for name, w in slow.items()}, "learned": {}}

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """That of the mean cross-entropy of the images."""
        images, weights = batch.support, with_task_axis(state["slow"], 1)
        scale = loss_scale(images.labels, network.way)
        losses, scores = engine_of(network).losses(weights, images, scale)
        torch.autograd.backward(losses.mean())
        return QueryResult(losses.detach(), task_accuracies(scores.detach(), images.labels))

    def scores(
        self, support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor, learned: Parameters
    ) -> torch.Tensor:
        """What the task's classifier, fitted to the support, says of the query."""
        if self.classifier == "nearest_mean":
            return minus_squared_distances(support, labels, query)
        return logistic_regression(F.normalize(support, dim=2), labels, F.normalize(query, dim=2))


def logistic_regression(
    support: torch.Tensor, labels: torch.Tensor, query: torch.Tensor
) -> torch.Tensor:
    """Logits X_q W of the W that minimises ||W||^2 / 2 + summed cross-entropy on the support.

    By gradient descent on A, where W = X'A: its fixed point is A = Y - softmax(X X' A). Without a
    bias, which classes of as many images each do not need. Arguments as for
    `FeatureLearner.scores`; features of length 1 bound the curvature, and so the step.
    """
    gram, dual = support @ support.mT, torch.zeros_like(labels)
    step = 1 / (1 + support.shape[1] / 2)
    for _ in range(_STEPS):
        dual = dual - step * (dual + (gram @ dual).softmax(dim=2) - labels)
    return query @ (support.mT @ dual)
