"""Does a claim hold in this study? The paired or equivalence test of every comparison decides.

Each comparison has two one-sided p-values: for what the paper says, and for the opposite. Twice
the smaller one is its two-sided p-value, which is adjusted for the number of comparisons; where
that is below the level of the study, the smaller side decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from innerloop.measurements.comparability import require_comparable
from innerloop.measurements.evidence import Evidence
from innerloop.papers.claims import Claim, Comparison, Selection, with_layer
from innerloop.papers.quantities import QUANTITIES
from innerloop.papers.readings import Values, at_common_steps, values_of
from innerloop.runtime.errors import ComparisonError
from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import TTest, one_sample

VERDICTS = {
    "holds": "the test decides for the paper",
    "fails": "the test decides for the opposite",
    "inconclusive": "the test does not decide",
    "not comparable": "the rows were measured under unequal protocols",
    "not run": "this study does not have the measurements",
}


#: Of a claim alone: some of its comparisons were not run.
WHERE_RUN = "holds where run"


@dataclass(frozen=True)
class Outcome:
    """What one comparison found; of several layers, in the one that speaks for it least.

    Attributes:
        comparison: what was compared.
        verdict: a key of `VERDICTS`.
        layer: the layer that the numbers are of, if it was one of several.
        test: the t-test of the difference, or of the value minus `than`; None if not run.
        p: two-sided, not adjusted; NaN: there is no test.
        p_adjusted: adjusted for the number of comparisons.
        seeds: how many seeds the values come from.
        seed_sd: standard deviation of the difference between seeds; NaN of one seed.
        unpaired: tasks that only one side was measured on.
        stand_in: whether another data set plays the part of the paper's.
        note: why there is no verdict, where that needs words.
    """

    comparison: Comparison
    verdict: str
    layer: str = ""
    test: TTest | None = None
    p_for: float = math.nan
    p_against: float = math.nan
    p_adjusted: float = math.nan
    seeds: int = 0
    seed_sd: float = math.nan
    unpaired: int = 0
    stand_in: bool = False
    note: str = ""

    @property
    def p(self) -> float:
        """Two-sided p-value."""
        if math.isnan(self.p_for):
            return math.nan
        return min(1.0, 2 * min(self.p_for, self.p_against))


@dataclass(frozen=True)
class Judgement:
    """A claim, its verdict (of `VERDICTS`, or `WHERE_RUN`), and what its comparisons found."""

    claim: Claim
    verdict: str
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
        statistics: level and correction; the study's own by default. The comparisons of all claims
            are one family; those that are shown beside another are one of their own.
    """
    chosen = statistics or evidence.study.statistics
    found = [_compare(c, evidence, chosen) for claim in claims for c in claim.comparisons]
    for decides in (True, False):
        family = [i for i, outcome in enumerate(found) if outcome.comparison.decides == decides]
        p_values = adjusted([found[i].p for i in family], chosen.correction)
        for i, p in zip(family, p_values, strict=True):
            found[i] = _decided(found[i], p, chosen)
    remaining = iter(found)
    return [
        Judgement(claim, _verdict(outcomes), outcomes)
        for claim in claims
        if (outcomes := tuple(next(remaining) for _ in claim.comparisons))
    ]


def _compare(comparison: Comparison, evidence: Evidence, statistics: Statistics) -> Outcome:
    """One comparison, not yet decided."""
    stand_in = any(
        evidence.study.in_role(name) != name
        for side in (comparison.of, comparison.against)
        if side is not None
        for name in (side.trained_on, side.tested_on)
    )
    try:
        outcomes = [
            _in_layer(comparison, layer, evidence, statistics)
            for layer in comparison.layers or (comparison.of.layer,)
        ]
    except ComparisonError as error:
        return Outcome(comparison, "not comparable", stand_in=stand_in, note=str(error))
    missing = [outcome for outcome in outcomes if outcome.verdict == "not run"]
    if missing:
        return replace(missing[0], stand_in=stand_in)
    weakest = max(outcomes, key=_doubt)
    # it holds only if it holds in all layers, and fails if it fails in any one of them
    against = min(1.0, len(outcomes) * min(outcome.p_against for outcome in outcomes))
    return replace(weakest, p_against=against, stand_in=stand_in)


def _doubt(outcome: Outcome) -> tuple[float, float]:
    """How little an outcome speaks for the claim; without a test the sign of its mean counts."""
    mean = outcome.test.difference.mean if outcome.test else math.nan
    contrary = {"greater": -mean, "less": mean, "equal": abs(mean), "not_greater": mean}
    p = outcome.p_for
    return 1.0 if math.isnan(p) else p, contrary[outcome.comparison.expected]


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
        first, second = values_of(of, evidence), values_of(against, evidence)
        if first.frame.empty or second.frame.empty:
            return Outcome(comparison, "not run")
        require_comparable(first.protocol, second.protocol, _may_differ(comparison, of, against))
        difference, unpaired = _paired(first, second)
    if difference.empty:
        return Outcome(comparison, "not run")
    by_task = QUANTITIES[of.quantity].replicate == "tasks"
    seeds = difference.shape[1] if by_task else len(difference)
    test = one_sample(difference.mean(axis=1, skipna=False), statistics.level)
    p_for, p_against = _one_sided(comparison, test)
    return Outcome(
        comparison,
        "inconclusive",
        layer=layer if comparison.layers else "",
        test=test,
        p_for=p_for,
        p_against=p_against,
        seeds=seeds,
        seed_sd=float(difference.mean().std() if by_task else difference["value"].std()),
        unpaired=unpaired,
        note="" if by_task or seeds > 1 else "one seed, no statistics over seeds",
    )


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


def _one_sided(comparison: Comparison, test: TTest) -> tuple[float, float]:
    """p-values of what the paper says, and of the opposite."""
    margin = comparison.margin
    if comparison.expected == "greater":
        return test.p_above(0), test.p_below(0)
    if comparison.expected == "less":
        return test.p_below(0), test.p_above(0)
    if comparison.expected == "equal":
        within = max(test.p_above(-margin), test.p_below(margin))
        return within, min(test.p_above(margin), test.p_below(-margin))
    return test.p_below(margin), test.p_above(0)


def _decided(outcome: Outcome, p_adjusted: float, statistics: Statistics) -> Outcome:
    if outcome.test is None or not p_adjusted < statistics.alpha:
        return replace(outcome, p_adjusted=p_adjusted)
    if 2 * max(outcome.p_for, outcome.p_against) < statistics.alpha:
        note = "above zero, and below the margin"
        return replace(outcome, p_adjusted=p_adjusted, note=note)
    verdict = "holds" if outcome.p_for < outcome.p_against else "fails"
    return replace(outcome, p_adjusted=p_adjusted, verdict=verdict)


def _verdict(outcomes: Iterable[Outcome]) -> str:
    """A claim holds if all of its comparisons do, and fails if one of them does."""
    found = {outcome.verdict for outcome in outcomes if outcome.comparison.decides}
    if "fails" in found:
        return "fails"
    if len(found) == 1:
        return found.pop()
    return WHERE_RUN if found == {"holds", "not run"} else "inconclusive"
