"""What a learner is: what the outer loop trains of a network, and how it answers for a new task."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.gradient_based.adapt import Adaptation
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, bounded

#: Everything that is trained, by part: `slow` are the network's weights; other parts are the
#: learner's own, such as `step_sizes`. What gets a gradient says so (`requires_grad`).
State: TypeAlias = dict[str, Parameters]

#: What an outer step consumes: tasks, or images of all training classes.
Batch: TypeAlias = Literal["episodes", "images"]


@dataclass(frozen=True)
class QueryResult:
    """Per task: loss [T] (nats) and accuracy [T] (fraction) on its query images.

    Both are NaN for a task on which adaptation diverged. Of a batch of `images`, T is 1, and they
    are those of the images.
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
    """A way to learn. A value: all that changes is in its state."""

    @property
    def batch(self) -> Batch:
        """What an outer step consumes."""

    def network(self, network: Network, classes: int) -> Network:
        """The network as it is trained on so many training classes: itself, or of another head."""

    def init(self, network: Network, seed: int) -> State:
        """What training starts from; a pure function of the seed."""

    def outer_gradient(self, network: Network, state: State, batch: TaskBatch) -> QueryResult:
        """Leave the outer gradient in `.grad` of the state; nothing may wait for a GPU.

        Args:
            network: as `network` gives it.
            state: whose gradient is wanted.
            batch: T tasks; of `images`, one task whose support are images of all training classes
                under the numbers of their classes, without query images.

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
        """The fast weights of T tasks, and with `trajectory` those before every step.

        None where no weight adapts. Who wants other step sizes passes a state that has them.
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
        """Scores [T, N, way] of query images [T, N, C, H, W]; softmax of them are probabilities.

        Args:
            network: as `network` gives it.
            state: what was trained.
            adapted: what `adapt` gave for the support, perhaps with layers put back.
            support: what each task is given to learn from.
            query: images to name the classes of.
            way: classes of a task, which the head of a pretrained network does not tell.
        """

    def project(self, state: State) -> State:
        """The state pulled back onto the learner's constraint, after every outer step."""
