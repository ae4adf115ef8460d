"""The interface of learners: what the outer loop trains, and how a new task is solved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.gradient_based.adapt import Adaptation
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, bounded

#: A learner's tensors by part: `slow` holds the network's weights, other parts are the learner's
#: own, such as `step_sizes`. Those that are trained have `requires_grad` set.
State: TypeAlias = dict[str, Parameters]

#: What an outer step consumes: tasks, or images of all training classes.
Batch: TypeAlias = Literal["episodes", "images"]


@dataclass(frozen=True)
class QueryResult:
    """Loss [T] (nats) and accuracy [T] (fraction) of each task on its query images.

    Both are NaN for a task on which adaptation diverged. For a batch of `images`, T is 1, and they
    are the loss and accuracy on those images.
    """

    losses: torch.Tensor
    accuracies: torch.Tensor

    @classmethod
    def after(
        cls, adapted: Adaptation | None, losses: torch.Tensor, accuracies: torch.Tensor
    ) -> QueryResult:
        """Losses and accuracies after an adaptation, NaN where it diverged."""
        diverged = ~(losses.detach().isfinite() & accuracies.isfinite())
        if adapted is not None:
            diverged |= ~bounded(adapted.fast)
        return cls(
            losses.masked_fill(diverged, math.nan), accuracies.masked_fill(diverged, math.nan)
        )


class Learner(Protocol):
    """A way to learn tasks. Immutable: whatever training changes is in the state."""

    @property
    def batch(self) -> Batch:
        """The kind of batch that an outer step takes."""

    def network(self, network: Network, classes: int) -> Network:
        """The network to train, given the number of training classes: itself or with a new head."""

    def init(self, network: Network, seed: int) -> State:
        """The initial state; a pure function of the seed."""

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """Compute the outer gradient into the state's `.grad`, without ever waiting for a GPU.

        Args:
            network: as returned by `network`.
            state: tensors to differentiate with respect to.
            batch: T tasks; for `images`, one task whose support set holds images of all training
                classes, labelled by the number of their class, and which has no query images.

        Returns:
            Loss and accuracy of each task, detached.
        """

    def adapt(
        self,
        network: Network,
        state: State,
        support: Labelled,
        steps: int,
        *,
        trajectory: bool = False,
    ) -> Adaptation | None:
        """The fast weights of T tasks; None if no weight adapts.

        With `trajectory`, also the weights before every step and after the last. To use other step
        sizes, pass a state that holds them.
        """

    def predict(
        self,
        network: Network,
        state: State,
        adapted: Adaptation | None,
        support: Labelled,
        query: torch.Tensor,
        way: int,
    ) -> torch.Tensor:
        """Scores [T, N, way] of query images [T, N, C, H, W]; their softmax gives probabilities.

        Args:
            network: as returned by `network`.
            state: the trained state.
            adapted: what `adapt` returned for the support, perhaps with some layers reset.
            support: labelled images of each task.
            query: images to classify.
            way: classes per task, which cannot be read from a pretrained network's head.
        """

    def project(self, state: State) -> State:
        """The state projected onto the learner's constraint; called after every outer step."""
