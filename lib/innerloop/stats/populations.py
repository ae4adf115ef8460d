"""Whom a test speaks of, and what few trainings may say.

The same values answer two questions. Of *these models* on these classes the tasks are the sample,
as the papers have it; of the *method* trainings are, and classes where there are enough of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from innerloop.stats.generalising import LEAST_TRAININGS
from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import TTest, generalised, one_sample

MODELS = "these models, these classes"
NEW_CLASSES = "new trainings, new classes"
SAME_CLASSES = "new trainings, these classes"
TRAININGS = "new trainings"

_LEANS_BELOW = 0.1


@dataclass(frozen=True)
class Expectation:
    """What is expected of a mean.

    Attributes:
        expected: `greater` or `less` than zero, `equal` to it within the margin, or `not_greater`:
            below the margin and not shown to be above zero.
        margin: in the unit of the mean.
    """

    expected: str
    margin: float = 0.0

    def sides(self, test: TTest) -> tuple[float, float]:
        """One-sided p-values of what is expected, and of the opposite."""
        margin = self.margin
        if self.expected == "greater":
            return test.p_above(0), test.p_below(0)
        if self.expected == "less":
            return test.p_below(0), test.p_above(0)
        if self.expected == "equal":
            within = max(test.p_above(-margin), test.p_below(margin))
            return within, min(test.p_above(margin), test.p_below(-margin))
        return test.p_below(margin), test.p_above(0)

    def agreeing(self, means: NDArray[np.float64]) -> tuple[bool, bool]:
        """Whether every one of some means is as expected, and whether every one is opposite."""
        margin = self.margin
        agree, oppose = {
            "greater": (means > 0, means < 0),
            "less": (means < 0, means > 0),
            "equal": (np.abs(means) < margin, np.abs(means) > margin),
            "not_greater": (means < margin, means > 0),
        }[self.expected]
        return bool(agree.all()), bool(oppose.all())


@dataclass(frozen=True)
class Answer:
    """What is found for one population; of several layers, in the one that speaks for it least.

    Attributes:
        verdict: `holds`, `fails`, `leans to it`, `leans against it`, `inconclusive`, `not judged`,
            or why there are no numbers.
        population: whom it speaks of.
        layer: the layer that the numbers are of, if it was one of several.
        test: the t-test of the difference, or of the value minus a number; None if there is none.
        p_for: one-sided, of what is expected; NaN: there is no test.
        p_against: one-sided, of the opposite.
        p_adjusted: two-sided, adjusted for the comparisons of its family.
        agreeing: whether every training alone speaks for what is expected, and against it.
        trainings: how many it stands on, without those that diverged.
        note: why there is no verdict, where that needs words.
    """

    verdict: str
    population: str = MODELS
    layer: str = ""
    test: TTest | None = None
    p_for: float = math.nan
    p_against: float = math.nan
    p_adjusted: float = math.nan
    agreeing: tuple[bool, bool] = (False, False)
    trainings: int = 0
    note: str = ""

    @property
    def p(self) -> float:
        """Two-sided p-value."""
        if math.isnan(self.p_for):
            return math.nan
        return min(1.0, 2 * min(self.p_for, self.p_against))


A = TypeVar("A", bound=Answer)


def by_tasks(
    values: pd.DataFrame,
    shares: NDArray[np.float64] | None,
    expectation: Expectation,
    level: float,
) -> tuple[Answer, Answer]:
    """The answers for these models, which are averaged first, and for the method; not yet decided.

    Args:
        values: [N, S], a row per task and a column per training; no column is empty.
        shares: the classes of the tasks, as of `generalise`.
        expectation: of their mean.
        level: of intervals.
    """
    models = one_sample(values.mean(axis=1, skipna=False), level)
    method = generalised(values.to_numpy(), shares, level)
    means = np.asarray(values.mean(), np.float64)
    return (
        answer(models, MODELS, expectation, means, len(means)),
        answer(method, classes_of(shares), expectation, means, len(means)),
    )


def by_trainings(
    values: pd.Series[float], expectation: Expectation, level: float
) -> tuple[Answer, Answer]:
    """The same of values, one per training, that no tasks repeat: of the method alone."""
    means = np.asarray(values, np.float64)
    method = answer(one_sample(means, level), TRAININGS, expectation, means, len(means))
    return without_tasks(method), method


def without_tasks(method: Answer) -> Answer:
    """What is said of these models where the method's answer is all that there is."""
    return Answer(
        "not judged",
        test=method.test,
        trainings=method.trainings,
        note="one number per training",
    )


def classes_of(*shares: NDArray[np.float64] | None) -> str:
    """Whether a test of trainings speaks of new classes too: where those of all sides are known."""
    return SAME_CLASSES if any(one is None for one in shares) else NEW_CLASSES


def answer(
    test: TTest,
    population: str,
    expectation: Expectation,
    means: NDArray[np.float64],
    trainings: int,
) -> Answer:
    """What a test says, not yet decided.

    Args:
        test: of a mean.
        population: whom it speaks of.
        expectation: of that mean.
        means: that of each training, or of each pair of trainings of two sides.
        trainings: how many there are; of two sides, on that which has fewer.
    """
    found = Answer(
        "inconclusive",
        population,
        test=test,
        agreeing=expectation.agreeing(means),
        trainings=trainings,
    )
    if not math.isnan(test.standard_error):
        p_for, p_against = expectation.sides(test)
        found = replace(found, p_for=p_for, p_against=p_against)
    if population == MODELS:
        return found
    if trainings == 1:
        return replace(found, verdict="not judged", note="one training")
    if math.isnan(found.p_for):
        return replace(found, verdict="not judged", note="too few tasks")
    return found


def decided(family: Sequence[A], statistics: Statistics) -> list[A]:
    """The answers of one family, with p-values adjusted for their number and with verdicts.

    What no test may decide makes a family no larger.
    """
    p_values = adjusted(
        [one.p if one.verdict == "inconclusive" else math.nan for one in family],
        statistics.correction,
    )
    return [
        _decided(replace(one, p_adjusted=p), statistics)
        for one, p in zip(family, p_values, strict=True)
    ]


def _decided(one: A, statistics: Statistics) -> A:
    if one.verdict != "inconclusive":
        return one
    if one.population != MODELS and one.trainings < LEAST_TRAININGS:
        return _leaning(one)
    if not one.p_adjusted < statistics.alpha:
        return one
    if 2 * max(one.p_for, one.p_against) < statistics.alpha:
        return replace(one, note=_BOTH)
    return replace(one, verdict="holds" if one.p_for < one.p_against else "fails")


def _leaning(one: A) -> A:
    """The verdict on a method, which few trainings cannot decide."""
    agree, oppose = one.agreeing
    to_it = 2 * one.p_for < _LEANS_BELOW and agree
    against_it = 2 * one.p_against < _LEANS_BELOW and oppose
    if to_it and against_it:
        return replace(one, note=_BOTH)
    if to_it or against_it:
        return replace(one, verdict="leans to it" if to_it else "leans against it")
    return one


#: Of `not_greater`: both that it is below the margin and that it is above zero are shown.
_BOTH = "above zero, and below the margin"
