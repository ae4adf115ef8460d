"""Power analysis: which differences between methods a study of a given size would detect."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from scipy import stats

from innerloop.stats.generalising import LEAST_TRAININGS
from innerloop.stats.t_tests import POWER

#: The largest number that is tried.
_MOST = 1_000_000


@dataclass(frozen=True)
class Spread:
    """Standard deviations of the effects of `generalising.Components`, such as a pilot gives.

    Attributes:
        classes: between classes; zero also if only the same classes are meant.
        trainings: between trainings.
        classes_by_trainings: interaction of classes and trainings.
        tasks: between tasks of the same classes.
        rest: residual, of one task under one training.
    """

    classes: float = 0.0
    trainings: float = 0.0
    classes_by_trainings: float = 0.0
    tasks: float = 0.0
    rest: float = 0.0


@dataclass(frozen=True)
class Size:
    """How many trainings, classes and tasks a study has."""

    trainings: int
    classes: int
    tasks: int


def smallest_detectable(spread: Spread, size: Size, level: float = 0.95) -> float:
    """The true difference that one test for the method detects in 80 % of repetitions of a study.

    Infinite for one training. Classes are assumed to be equally frequent in the tasks. The degrees
    of freedom are Satterthwaite's.

    Args:
        spread: standard deviations, in the unit of the difference.
        size: the size of the study.
        level: confidence level of its intervals; the test decides at 1 - level.
    """
    trainings, classes, tasks = size.trainings, size.classes, size.tasks
    if trainings < 2 or classes < 2:
        return math.inf
    both = spread.classes_by_trainings**2 / classes
    of_trainings = (spread.trainings**2 + both + spread.rest**2 / tasks) / trainings
    of_classes = spread.classes**2 / classes
    variance = of_classes + of_trainings + spread.tasks**2 / tasks
    if variance == 0:
        return 0.0
    uncertain = of_classes**2 / (classes - 1) + of_trainings**2 / (trainings - 1)
    df = variance**2 / uncertain if uncertain else math.inf
    quantiles = stats.t.ppf((1 + level) / 2, df) + stats.t.ppf(POWER, df)
    return float(quantiles * math.sqrt(variance))


def needed(
    spread: Spread, size: Size, difference: float, what: str, level: float = 0.95
) -> int | None:
    """How many `trainings`, `classes` or `tasks` detect a difference, the other two as in `size`.

    At least 5 trainings, since fewer give no verdict. None: more than a million would be needed.
    """
    least = LEAST_TRAININGS if what == "trainings" else 2

    def detects(number: int) -> bool:
        return smallest_detectable(spread, replace(size, **{what: number}), level) <= difference

    return _first(detects, least)


def _first(holds: Callable[[int], bool], least: int) -> int | None:
    """The smallest number, from `least` on, for which a condition holds; None: there is none."""
    low, high = least - 1, least
    while not holds(high):
        low, high = high, 2 * high
        if high > _MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
