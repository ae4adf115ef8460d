"""Whether claims hold in a study: for the models that it trained, and for the methods.

Each comparison has two one-sided p-values: for what the paper says, and for the opposite. Twice
the smaller one is its two-sided p-value, which is adjusted for the number of comparisons in its
claim; if that is below the study's level, the side with the smaller p-value decides. This is done
twice: for *these models* on these classes, with tasks as the sample, as in the papers; and for the
*method*, with trainings and classes as the sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from innerloop.measurements.comparability import require_comparable
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.undertrained import progress
from innerloop.papers.claims import Claim, Comparison, Selection
from innerloop.papers.quantities import QUANTITIES
from innerloop.papers.readings import (
    Values,
    at_best_points,
    at_common_steps,
    at_measured_times,
    shares_of_sides,
    values_of,
)
from innerloop.runtime.errors import ComparisonError
from innerloop.stats.populations import (
    TRAININGS,
    A,
    Answer,
    Expectation,
    by_tasks,
    by_trainings,
    decided,
)
from innerloop.stats.statistics import Statistics

VERDICTS = {
    "holds": "the test supports the claim",
    "fails": "the test supports the opposite",
    "leans to it": "fewer than 5 trainings, all of which agree with the claim, p < 0.1",
    "leans against it": "the same for the opposite",
    "inconclusive": "the test supports neither",
    "not judged": "the study cannot decide it, for the reason given",
    "not comparable": "the rows were measured under unequal protocols",
    "not run": "this study does not have the measurements",
}

#: Verdict on a claim of which some comparisons were not run or not judged, and all others hold.
WHERE_JUDGED = "holds where judged"


@dataclass(frozen=True)
class Outcome(Answer):
    """The result of one comparison, for these models and for the method.

    Attributes:
        comparison: what was compared, at the fractions of training at which it was measured.
        method: the answer for the method.
        diverged: number of further trainings, which have no number at all and are left out.
        seed_sd: standard deviation of the difference between seeds; NaN for one seed.
        unpaired: tasks that only one side was measured on.
        stand_in: whether another data set stands in for the paper's.
    """

    comparison: Comparison = field(kw_only=True)
    method: Answer = field(kw_only=True)
    diverged: int = 0
    seed_sd: float = math.nan
    unpaired: int = 0
    stand_in: bool = False


@dataclass(frozen=True)
class Judgement:
    """A claim, its verdicts, and the outcomes of its comparisons.

    Attributes:
        claim: the claim.
        verdict: the verdict for these models: a key of `VERDICTS`, or `WHERE_JUDGED`.
        method: the verdict for the method, likewise.
        outcomes: the outcomes of its comparisons.
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


def judge_claims(claims: Sequence[Claim], evidence: Evidence) -> list[Judgement]:
    """Judge every claim by a study's measurements.

    The comparisons that decide a claim are one family; those that are only shown are another.
    """
    return [_judged(claim, evidence) for claim in claims]


def _judged(claim: Claim, evidence: Evidence) -> Judgement:
    families = {
        decides: iter(
            judge(
                [one for one in claim.comparisons if one.decides == decides],
                evidence,
                evidence.study.statistics,
            )
        )
        for decides in (True, False)
    }
    outcomes = [next(families[one.decides]) for one in claim.comparisons]
    deciding = [outcome for outcome in outcomes if outcome.comparison.decides]
    return Judgement(
        claim,
        _verdict(outcome.verdict for outcome in deciding),
        _verdict(outcome.method.verdict for outcome in deciding),
        tuple(outcomes),
    )


def judge(
    comparisons: Sequence[Comparison], evidence: Evidence, statistics: Statistics
) -> list[Outcome]:
    """The outcome of each comparison of one family."""
    measured = [at_measured_times(one, evidence) for one in comparisons]
    outcomes = [replace(_compare(one, evidence, statistics), comparison=one) for one in measured]
    methods = decided([outcome.method for outcome in outcomes], statistics)
    return [
        replace(outcome, method=method)
        for outcome, method in zip(decided(outcomes, statistics), methods, strict=True)
    ]


def _compare(named: Comparison, evidence: Evidence, statistics: Statistics) -> Outcome:
    """One comparison, not yet decided; a grid is compared at the point that validation chooses."""
    comparison = at_best_points(named, evidence)
    study, sides = evidence.study, comparison.sides
    stand_in = any(
        study.in_role(name) != name for side in sides for name in (side.trained_on, side.tested_on)
    )
    places = {(s.protocol, s.variant, study.in_role(s.trained_on), s.setting) for s in sides}
    undertrained = any(one.undertrained for one in progress(evidence) if one.place in places)
    if _of_one_time(named):  # a grid and its best point are equal at any time
        outcome = _without(comparison, "not run", "nothing was measured between its two times")
        return replace(outcome, stand_in=stand_in)
    try:
        outcomes = [
            _in_layer(comparison, layer, evidence, statistics)
            for layer in comparison.layers or (None,)
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


def _of_one_time(comparison: Comparison) -> bool:
    """Whether two times of a claim have the same nearest measurement, so that it compares none."""
    growth = (side for side in comparison.sides if side.quantity == "weight_norm_growth")
    ends = ((side.start, 1.0 if side.at is None else side.at) for side in growth)
    return comparison.of == comparison.against or any(start == end for start, end in ends)


def _unjudged(answer: A) -> A:
    return replace(answer, verdict="not judged", note="undertrained")


def _without(comparison: Comparison, verdict: str, note: str = "") -> Outcome:
    """A comparison without numbers."""
    return Outcome(
        verdict, note=note, comparison=comparison, method=Answer(verdict, TRAININGS, note=note)
    )


def _doubt(comparison: Comparison, answer: Answer) -> tuple[float, float]:
    """A sort key: how little an answer supports the claim; without a test, the mean's sign."""
    mean = answer.test.difference.mean if answer.test else math.nan
    contrary = {"greater": -mean, "less": mean, "equal": abs(mean), "not_greater": mean}
    p = answer.p_for
    return 1.0 if math.isnan(p) else p, contrary[comparison.expected]


def _in_layer(
    comparison: Comparison, layer: str | None, evidence: Evidence, statistics: Statistics
) -> Outcome:
    """The comparison in one of its layers; None: in the layers of its two sides."""
    of, against = comparison.of, comparison.against
    if layer is not None:
        of, against = replace(of, layer=layer), against and replace(against, layer=layer)
    if against is None:
        values = values_of(of, evidence)
        require_comparable(values.protocol, values.protocol)
        difference, unpaired = values.frame - comparison.than, 0
    else:
        of, against = at_common_steps(of, against, evidence)
        first, values = values_of(of, evidence), values_of(against, evidence)
        if first.frame.empty or values.frame.empty:
            return _without(comparison, "not run")
        require_comparable(first.protocol, values.protocol, _may_differ(comparison, of, against))
        difference, unpaired = _paired(first, values)
    if difference.empty:
        return _without(comparison, "not run")
    layer = layer or ""
    by_task = QUANTITIES[of.quantity].replicate == "tasks"
    measured, difference = difference, difference.dropna(axis=1 if by_task else 0, how="all")
    diverged = measured.shape[by_task] - difference.shape[by_task]
    if difference.empty:
        outcome = _without(comparison, "not judged", "every training diverged")
        return replace(outcome, diverged=diverged, unpaired=unpaired)
    expectation = Expectation(comparison.expected, comparison.margin)
    if by_task:
        sides = [of] if against is None else [of, against]
        shares = shares_of_sides(sides, difference.index, values.protocol, evidence)
        models, method = by_tasks(difference, shares, expectation, statistics.level)
        means = difference.mean()
    else:
        means = difference["value"]
        models, method = by_trainings(means, expectation, statistics.level)
    return Outcome(
        **vars(replace(models, layer=layer)),
        comparison=comparison,
        method=replace(method, layer=layer),
        diverged=diverged,
        seed_sd=float(means.std()),
        unpaired=unpaired,
    )


def _may_differ(comparison: Comparison, of: Selection, against: Selection) -> frozenset[str]:
    """Protocol columns in which the sides may differ.

    Models of two data sets were trained on two image stores. Measurements on two are never
    compared, since such tasks cannot be paired.
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
        return WHERE_JUDGED
    if not judged:
        return "not judged"
    return "leans to it" if judged <= {"holds", "leans to it"} else "inconclusive"
