"""Learning rates of the outer loop, and how they change while it trains."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from innerloop.specs.train import OuterSchedule


class OuterRates:
    """Changes an optimiser's learning rates after steps or validations, by a schedule.

    The i-th of n outer steps uses the initial rate times

        constant:          1
        cosine:            (1 + cos(π (i - 1) / n)) / 2
        halve_on_plateau:  1/2 for every time that accuracy on the validation tasks did not rise
                           above its best in ten validations in a row

    Args:
        schedule: one of these three.
        optimiser: the optimiser.
        iterations: n.
    """

    def __init__(
        self, schedule: OuterSchedule, optimiser: torch.optim.Optimizer, iterations: int
    ) -> None:
        self._cosine = self._plateau = None
        if schedule == "cosine":
            self._cosine = CosineAnnealingLR(optimiser, max(iterations, 1))
        elif schedule == "halve_on_plateau":
            # torch allows `patience` validations without a rise, and acts at the next
            self._plateau = ReduceLROnPlateau(
                optimiser, "max", factor=0.5, patience=9, threshold=0, threshold_mode="abs"
            )

    def after_step(self) -> None:
        """To be called after every outer step."""
        if self._cosine:
            self._cosine.step()

    def after_validation(self, accuracy: float) -> None:
        """To be called after every validation, with the mean accuracy."""
        if self._plateau:
            self._plateau.step(accuracy)

    def state(self) -> dict[str, Any]:
        """The scheduler's state as plain values; the rates themselves are in the optimiser's."""
        scheduler = self._cosine or self._plateau
        return copy.deepcopy(scheduler.state_dict()) if scheduler else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state()`."""
        scheduler = self._cosine or self._plateau
        if scheduler:
            scheduler.load_state_dict(dict(state))
