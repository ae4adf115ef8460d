"""What code of the user's own is tried by before any work."""

from __future__ import annotations

from dataclasses import dataclass

from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import TrainSpec


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """A training, and what is measured of its model, of which some is code of the user's own.

    Attributes:
        training: the model's.
        probes: that measure it.
    """

    training: TrainSpec
    probes: tuple[MeasureSpec, ...] = ()
