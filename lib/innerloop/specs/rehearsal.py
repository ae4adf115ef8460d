"""What is tried of a study's code before any work."""

from __future__ import annotations

from dataclasses import dataclass

from innerloop.runtime.extensions import is_users
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import TrainSpec


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A training on random images, and perhaps one probe of its model.

    Attributes:
        training: the model's.
        probe: that measures it.
    """

    training: TrainSpec
    probe: MeasureSpec | None = None

    @property
    def of_users_code(self) -> bool:
        """Whether learner, network or probe is the user's own; else the network is only counted."""
        entries = [self.training.learner.entry, self.training.network.network]
        return any(map(is_users, [*entries, *([self.probe.entry] if self.probe else [])]))
