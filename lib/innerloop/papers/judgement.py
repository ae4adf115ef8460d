"""Whether claims hold in a study: for the models that it trained, and for the methods.

Each comparison has two one-sided p-values: for what the paper says, and for the opposite. Twice
the smaller one is its two-sided p-value, which is adjusted for the comparisons of its claim; where
that is below the level of the study, the smaller side decides. This is done twice: for *these
models* on these classes, of which the tasks are the sample, as the papers do it; and for the
*method*, of which trainings and classes are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from innerloop.measurements.comparability import require_comparable
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.undertrained import progress
from innerloop.papers.claims import Claim, Comparison, Selection, with_layer
from innerloop.papers.quantities import QUANTITIES
from innerloop.papers.readings import Values, at_common_steps, shares_of_sides, values_of
from innerloop.runtime.errors import ComparisonError
from innerloop.stats.generalising import LEAST_TRAININGS
from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import TTest, generalised, one_sample

VERDICTS = {
    "holds": "the test decides for the paper",
    "fails": "the test decides for the opposite",
    "leans to it": "fewer than 5 trainings, each of which agrees with the paper, p < 0.1",
    "leans against it": "the same for the opposite",
    "inconclusive": "the test does not decide",
    "not judged": "the study cannot tell, for the reason given",
    "not comparable": "the rows were measured under unequal protocols",
    "not run": "this study does not have the measurements",
}

#: Of a claim alone: some of its comparisons were not run, or could not be judged.
WHERE_RUN = "holds where run"

_LEANS_BELOW = 0.1

#: Whom a test speaks of.
MODELS = "these models, these classes"
NEW_CLASSES = "new trainings, new classes"
SAME_CLASSES = "new trainings, these classes"
TRAININGS = "new trainings"


@dataclass(frozen=True)
class Answer:
    """What is found for one population; of several layers, in the one that speaks for it least.

    Attributes:
        verdict: a key of `VERDICTS`.
        population: whom it speaks of.
        layer: the layer that the numbers are of, if it was one of several.
        test: the t-test of the difference, or of the value minus `than`; None if there is none.
        p_for: one-sided, of what the paper says; NaN: there is no test.
        p_against: one-sided, of the opposite.
        p_adjusted: two-sided, adjusted for the comparisons of the claim.
        agreeing: whether every training alone speaks for what the paper says, and against it.
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
    note: str = ""

    @property
    def p(self) -> float:
        """Two-sided p-value."""
        if math.isnan(self.p_for):
            return math.nan
        return min(1.0, 2 * min(self.p_for, self.p_against))


A = TypeVar("A", bound=Answer)


@dataclass(frozen=True)
class Outcome(Answer):
    """What one comparison found: for these models, and beside that for the method.

    Attributes:
        comparison: what was compared.
        method: the answer for the method.
        seeds: how many seeds the values come from.
        diverged: how many more seeds have not one number, and are left out.
        seed_sd: standard deviation of the difference between seeds; NaN of one seed.
        unpaired: tasks that only one side was measured on.
        stand_in: whether another data set plays the part of the paper's.
    """

    comparison: Comparison = field(kw_only=True)
    method: Answer = field(kw_only=True)
    seeds: int = 0
    diverged: int = 0
    seed_sd: float = math.nan
    unpaired: int = 0
    stand_in: bool = False


@dataclass(frozen=True)
class Judgement:
    """A claim, and what its comparisons found.

    Attributes:
        claim: it.
        verdict: for these models, of `VERDICTS`, or `WHERE_RUN`.
        method: the same for the method.
        outcomes: of its comparisons.
    """

    claim: Claim
    verdict: str
    method: str
    outcomes: tuple[Outcome, ...]

    @property
    def deciding(self) -> list[Outcome]:
        """The outcomes that the claim depends on."""
        return [outcome for outcome in self.outcomes if outcome.comparison.decides]

    @property
    def stand_in(self) -> bool:
        """Whether it was made on data that stand in for the paper's."""
        return any(outcome.stand_in for outcome in self.outcomes)


def judge_claims(
    claims: Sequence[Claim], evidence: Evidence, statistics: Statistics | None = None
) -> list[Judgement]:
    """Judge every claim.

    Args:
        claims: what the papers say.
        evidence: the study's measurements.
        statistics: level and correction; the study's own by default. The comparisons of a claim are
            one family; those that are shown beside another are one of their own.
    """
    chosen = statistics or evidence.study.statistics
    return [_judged(claim, evidence, chosen) for claim in claims]


def _judged(claim: Claim, evidence: Evidence, statistics: Statistics) -> Judgement:
    found = [_compare(comparison, evidence, statistics) for comparison in claim.comparisons]
    for decides in (True, False):
        family = [i for i, outcome in enumerate(found) if outcome.comparison.decides == decides]
        own, methods = (
            adjusted([_judged_p(answer) for answer in answers], statistics.correction)
            for answers in ([found[i] for i in family], [found[i].method for i in family])
        )
        for i, p, p_method in zip(family, own, methods, strict=True):
            method = _leaning(found[i], replace(found[i].method, p_adjusted=p_method), statistics)
            found[i] = _decided(replace(found[i], p_adjusted=p, method=method), statistics)
    deciding = [outcome for outcome in found if outcome.comparison.decides]
    return Judgement(
        claim,
        _verdict(outcome.verdict for outcome in deciding),
        _verdict(outcome.method.verdict for outcome in deciding),
        tuple(found),
    )


def _judged_p(answer: Answer) -> float:
    """The p-value of what a test may decide: nothing else makes a family larger."""
    return answer.p if answer.verdict == "inconclusive" else math.nan


def _compare(comparison: Comparison, evidence: Evidence, statistics: Statistics) -> Outcome:
    """One comparison, not yet decided."""
    study, sides = evidence.study, [side for side in (comparison.of, comparison.against) if side]
    stand_in = any(
        study.in_role(name) != name for side in sides for name in (side.trained_on, side.tested_on)
    )
    places = {(s.protocol, s.variant, study.in_role(s.trained_on), s.setting) for s in sides}
    undertrained = any(one.undertrained for one in progress(evidence) if one.place in places)
    try:
        outcomes = [
            _in_layer(comparison, layer, evidence, statistics)
            for layer in comparison.layers or (comparison.of.layer,)
        ]
    except ComparisonError as error:
        outcomes = [_without(comparison, "not comparable", str(error))]
    missing = [one for one in outcomes if one.verdict in ("not run", "not comparable")]
    if missing:
        return replace(missing[0], stand_in=stand_in)
    weakest = max(outcomes, key=lambda one: _doubt(comparison, one))
    method = max((one.method for one in outcomes), key=lambda one: _doubt(comparison, one))
    # it holds only if it holds in all layers, and fails if it fails in any one of them
    against, methods = (
        min(1.0, len(outcomes) * min(answer.p_against for answer in answers))
        for answers in (outcomes, [outcome.method for outcome in outcomes])
    )
    method = replace(method, p_against=methods)
    outcome = replace(weakest, p_against=against, method=method, stand_in=stand_in)
    if not undertrained:
        return outcome
    return replace(_unjudged(outcome), method=_unjudged(method))


def _unjudged(answer: A) -> A:
    return replace(answer, verdict="not judged", note="undertrained")


def _without(comparison: Comparison, verdict: str, note: str = "") -> Outcome:
    """A comparison without numbers."""
    return Outcome(
        verdict, note=note, comparison=comparison, method=Answer(verdict, TRAININGS, note=note)
    )


def _doubt(comparison: Comparison, answer: Answer) -> tuple[float, float]:
    """How little an answer speaks for the claim; without a test the sign of its mean counts."""
    mean = answer.test.difference.mean if answer.test else math.nan
    contrary = {"greater": -mean, "less": mean, "equal": abs(mean), "not_greater": mean}
    p = answer.p_for
    return 1.0 if math.isnan(p) else p, contrary[comparison.expected]


def _in_layer(
    comparison: Comparison, layer: str, evidence: Evidence, statistics: Statistics
) -> Outcome:
    of, against = with_layer(comparison.of, layer), comparison.against
    if against is None:
        values = values_of(of, evidence)
        require_comparable(values.protocol, values.protocol)
        difference, unpaired = values.frame - comparison.than, 0
    else:
        of, against = at_common_steps(of, with_layer(against, layer), evidence)
        first, values = values_of(of, evidence), values_of(against, evidence)
        if first.frame.empty or values.frame.empty:
            return _without(comparison, "not run")
        require_comparable(first.protocol, values.protocol, _may_differ(comparison, of, against))
        difference, unpaired = _paired(first, values)
    if difference.empty:
        return _without(comparison, "not run")
    layer = layer if comparison.layers else ""
    by_task = QUANTITIES[of.quantity].replicate == "tasks"
    measured, difference = difference, difference.dropna(axis=1 if by_task else 0, how="all")
    diverged = measured.shape[by_task] - difference.shape[by_task]
    if difference.empty:
        outcome = _without(comparison, "not judged", "every training diverged")
        return replace(outcome, diverged=diverged, unpaired=unpaired)
    by_training = difference.mean() if by_task else difference["value"]
    if by_task:
        sides = [of] if against is None else [of, against]
        shares = shares_of_sides(sides, difference.index, values.protocol, evidence)
        method = Answer(
            "inconclusive",
            SAME_CLASSES if shares is None else NEW_CLASSES,
            test=generalised(difference.to_numpy(), shares, statistics.level),
        )
        models = Answer("inconclusive", test=_over_tasks(difference, statistics.level))
    else:
        method = Answer("inconclusive", TRAININGS, test=one_sample(by_training, statistics.level))
        models = Answer("not judged", test=method.test, note="no tasks repeat it")
    method = replace(
        _sided(comparison, method), layer=layer, agreeing=_agreeing(comparison, by_training)
    )
    if len(by_training) == 1:
        method = replace(method, verdict="not judged", note="one training")
    elif math.isnan(method.p_for):
        method = replace(method, verdict="not judged", note="too few tasks")
    models = replace(_sided(comparison, models) if by_task else models, layer=layer)
    return Outcome(
        **vars(models),
        comparison=comparison,
        method=method,
        seeds=len(by_training),
        diverged=diverged,
        seed_sd=float(by_training.std()),
        unpaired=unpaired,
    )


def _over_tasks(difference: pd.DataFrame, level: float) -> TTest:
    """The paired test of these models, averaged first."""
    return one_sample(difference.mean(axis=1, skipna=False), level)


def _agreeing(comparison: Comparison, by_training: pd.Series[float]) -> tuple[bool, bool]:
    """Whether the mean of every training is what the paper says, and the opposite."""
    mean, margin = by_training.to_numpy(), comparison.margin
    sides = {
        "greater": (mean > 0, mean < 0),
        "less": (mean < 0, mean > 0),
        "equal": (np.abs(mean) < margin, np.abs(mean) > margin),
        "not_greater": (mean < margin, mean > 0),
    }
    agree, oppose = sides[comparison.expected]
    return bool(agree.all()), bool(oppose.all())


def _may_differ(comparison: Comparison, of: Selection, against: Selection) -> frozenset[str]:
    """Protocol columns in which the sides may differ.

    Models of two data sets were trained on two image stores. What was measured on two is never
    compared: such tasks are no pairs.
    """
    stores = {"train_store"} if of.trained_on != against.trained_on else set[str]()
    return QUANTITIES[of.quantity].may_differ.union(comparison.may_differ, stores)


def _paired(first: Values, second: Values) -> tuple[pd.DataFrame, int]:
    """Differences on the tasks and seeds that both were measured on, and how many tasks were not.

    Seeds pair models that started from the same weights and saw the same training tasks.
    """
    a, b = first.frame, second.frame
    rows, seeds = a.index.intersection(b.index), a.columns.intersection(b.columns)
    return a.loc[rows, seeds] - b.loc[rows, seeds], len(a.index.union(b.index)) - len(rows)


def _sided(comparison: Comparison, answer: Answer) -> Answer:
    """With p-values of what the paper says, and of the opposite."""
    test, margin = answer.test, comparison.margin
    if test is None or math.isnan(test.standard_error):
        return answer
    if comparison.expected == "greater":
        sides = test.p_above(0), test.p_below(0)
    elif comparison.expected == "less":
        sides = test.p_below(0), test.p_above(0)
    elif comparison.expected == "equal":
        within = max(test.p_above(-margin), test.p_below(margin))
        sides = within, min(test.p_above(margin), test.p_below(-margin))
    else:
        sides = test.p_below(margin), test.p_above(0)
    return replace(answer, p_for=sides[0], p_against=sides[1])


def _decided(answer: A, statistics: Statistics) -> A:
    if answer.verdict != "inconclusive" or not answer.p_adjusted < statistics.alpha:
        return answer
    if 2 * max(answer.p_for, answer.p_against) < statistics.alpha:
        return replace(answer, note=_BOTH)
    return replace(answer, verdict="holds" if answer.p_for < answer.p_against else "fails")


def _leaning(outcome: Outcome, answer: Answer, statistics: Statistics) -> Answer:
    """The verdict on a method, which few trainings cannot decide."""
    if answer.verdict != "inconclusive":
        return answer
    if outcome.seeds >= LEAST_TRAININGS:
        return _decided(answer, statistics)
    agree, oppose = answer.agreeing
    to_it = 2 * answer.p_for < _LEANS_BELOW and agree
    against_it = 2 * answer.p_against < _LEANS_BELOW and oppose
    if to_it and against_it:
        return replace(answer, note=_BOTH)
    if to_it or against_it:
        return replace(answer, verdict="leans to it" if to_it else "leans against it")
    return answer


#: Of `not_greater`: both that it is below the margin and that it is above zero are shown.
_BOTH = "above zero, and below the margin"


def _verdict(verdicts: Iterable[str]) -> str:
    """A claim holds if all of its comparisons do, and fails if one of them does."""
    found = {*verdicts}
    for against in ("fails", "leans against it"):
        if against in found:
            return against
    if len(found) == 1:
        return found.pop()
    judged = found - {"not judged", "not run"}
    if judged == {"holds"}:
        return WHERE_RUN
    if not judged:
        return "not judged"
    return "leans to it" if judged <= {"holds", "leans to it"} else "inconclusive"
