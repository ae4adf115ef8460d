"""Verdicts for two populations: the trained models, and the method.

The same values answer two questions. For *these models* on these classes, tasks are the sample, as
in the papers. For the *method*, trainings are the sample, and so are classes if there are enough.
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
    """A hypothesis about a mean.

    Attributes:
        expected: `greater` or `less` than zero, `equal` to it within the margin, or `not_greater`:
            below the margin and not shown to be above zero.
        margin: in the unit of the mean.
    """

    expected: str
    margin: float = 0.0

    def sides(self, test: TTest) -> tuple[float, float]:
        """One-sided p-values of the expectation and of its opposite."""
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
        """Whether all means are as expected, and whether all are the opposite."""
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
    """The result of a comparison for one population; of several layers, that of the worst one.

    Attributes:
        verdict: `holds`, `fails`, `leans to it`, `leans against it`, `inconclusive`, `not judged`,
            or why there are no numbers.
        population: the population that it is about.
        layer: the layer that the numbers come from, if it is one of several.
        test: the t-test of the difference, or of the value minus a number; None: there is none.
        p_for: one-sided p-value of the expectation; NaN: there is no test.
        p_against: one-sided p-value of its opposite.
        p_adjusted: two-sided p-value, adjusted for the number of comparisons in the family.
        agreeing: whether all trainings agree with the expectation, and whether all oppose it.
        trainings: the number of trainings, without those that diverged.
        note: why there is no verdict, if that needs explaining.
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
    values: pd.DataFrame, shares: NDArray[np.float64] | None, expectation: Expectation, level: float
) -> tuple[Answer, Answer]:
    """The answers for these models, averaged over trainings, and for the method; not yet decided.

    Args:
        values: [N, S], a row per task and a column per training; no column is empty.
        shares: the classes of the tasks, as in `generalise`.
        expectation: the hypothesis about their mean.
        level: confidence level of the intervals.
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
    """The same for quantities with one value per training, not per task: for the method alone."""
    means = np.asarray(values, np.float64)
    method = answer(one_sample(means, level), TRAININGS, expectation, means, len(means))
    return without_tasks(method), method


def without_tasks(method: Answer) -> Answer:
    """The answer for these models, `not judged`, if there is only one for the method."""
    return Answer(
        "not judged", test=method.test, trainings=method.trainings, note="one number per training"
    )


def classes_of(*shares: NDArray[np.float64] | None) -> str:
    """The population of a test over trainings: with new classes if all sides' classes are known."""
    return SAME_CLASSES if any(one is None for one in shares) else NEW_CLASSES


def answer(
    test: TTest,
    population: str,
    expectation: Expectation,
    means: NDArray[np.float64],
    trainings: int,
) -> Answer:
    """The answer that a test gives, not yet decided.

    Args:
        test: the test of a mean.
        population: the population that it is about.
        expectation: the hypothesis about that mean.
        means: the mean of each training, or the difference of each pair of trainings.
        trainings: the number of trainings; of two sides, the smaller.
    """
    result = Answer(
        "inconclusive",
        population,
        test=test,
        agreeing=expectation.agreeing(means),
        trainings=trainings,
    )
    if not math.isnan(test.standard_error):
        p_for, p_against = expectation.sides(test)
        result = replace(result, p_for=p_for, p_against=p_against)
    if population == MODELS:
        return result
    if trainings == 1:
        return replace(result, verdict="not judged", note="one training")
    if math.isnan(result.p_for):
        return replace(result, verdict="not judged", note="too few tasks")
    return result


def decided(family: Sequence[A], statistics: Statistics) -> list[A]:
    """The answers of one family with adjusted p-values and verdicts.

    Answers that no test can decide do not count towards the size of the family.
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
    """The answer for a method with too few trainings to decide: it can only lean."""
    agree, oppose = one.agreeing
    to_it = 2 * one.p_for < _LEANS_BELOW and agree
    against_it = 2 * one.p_against < _LEANS_BELOW and oppose
    if to_it and against_it:
        return replace(one, note=_BOTH)
    if to_it or against_it:
        return replace(one, verdict="leans to it" if to_it else "leans against it")
    return one


#: The note if `not_greater` and its opposite are both shown.
_BOTH = "above zero, and below the margin"
