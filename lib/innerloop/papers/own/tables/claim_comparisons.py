"""Every comparison that decides a claim, with its numbers."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.papers import words
from innerloop.papers.claims import Claim
from innerloop.papers.judgement import Outcome
from innerloop.render import captions
from innerloop.render.tabulation import MISSING, Tabulation, number, p_value, rules_between
from innerloop.stats.generalising import Components
from innerloop.stats.populations import Answer

TITLE = "What decides the claims"
READS = ("claims",)

HEADER = [
    "Claim",
    "Comparison",
    "Expected",
    "Found",
    "Adjusted p",
    "Verdict",
    "For the method",
    "n",
    "Seeds",
    "Effect size",
    "Detectable",
    "Seed sd",
    "p",
]


def tabulate(evidence: Evidence) -> Tabulation:
    """One row per comparison; those that are only shown are marked."""
    study, judgements = evidence.study, words.judged(evidence)
    rows = [
        (judgement.claim, outcome) for judgement in judgements for outcome in judgement.outcomes
    ]
    level = captions.percent(study.statistics.level)
    return Tabulation(
        pd.DataFrame([_numbers(*row) for row in rows]),
        pd.DataFrame([_printed(*row, study) for row in rows], columns=HEADER),
        captions.join(
            f"Found: mean and half-width of Student's {level} interval, of the paired difference "
            "or of the value itself; for a comparison in several layers, in the layer that "
            "supports it least. Values are first averaged over the seeds of a task. Seed sd: "
            "standard deviation of the result between seeds. Seeds that have no number at all "
            "are left out.",
            "Equality is decided by two one-sided tests against the margin.",
            words.family(judgements, study),
            "Effect size: Cohen's dz. Detectable: the true difference that this single test would "
            "find in 80 % of repetitions with this n, before p is adjusted; a smaller one may "
            "exist and go unnoticed.",
            words.of_norms(judgements),
            "Rows marked `beside` show biased CKA, the papers' estimator, and decide nothing.",
            _counted([outcome for _, outcome in rows]),
            words.stand_ins(judgements, study),
        ),
        rules_between(claim for claim, _ in rows),
    )


def _counted(outcomes: list[Outcome]) -> str:
    tests = [outcome.test for outcome in outcomes if outcome.test is not None]
    ties, missing = sum(t.ties for t in tests), sum(t.difference.missing for t in tests)
    unpaired = sum(outcome.unpaired for outcome in outcomes)
    return (
        f"Over all rows there are {ties:,} ties (differences of exactly zero), {missing:,} values "
        f"that are not numbers, and {unpaired:,} tasks on which only one side was measured."
    )


def _numbers(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    comparison, quantity = outcome.comparison, words.quantity_of(outcome)
    test = outcome.test
    sides = {"of": comparison.of, "against": comparison.against}
    return {
        "claim": claim.name,
        "paper": claim.paper,
        "source": claim.source,
        "quantity": comparison.of.quantity,
        "unit": quantity.unit,
        **{
            f"{side}_{key}": value
            for side, selection in sides.items()
            for key, value in (asdict(selection) if selection else {}).items()
            if key != "quantity"
        },
        "layers": " ".join(comparison.layers),
        "layer": outcome.layer or comparison.of.layer,
        "expected": comparison.expected,
        "than": comparison.than,
        "margin": comparison.margin,
        "decides": comparison.decides,
        **({} if test is None else {**asdict(test.difference), **_statistics(vars(test))}),
        "p_for": outcome.p_for,
        "p_against": outcome.p_against,
        "p": outcome.p,
        "p_adjusted": outcome.p_adjusted,
        "replicate": quantity.replicate,
        "unpaired": outcome.unpaired,
        "seeds": outcome.trainings,
        "diverged": outcome.diverged,
        "seed_sd": outcome.seed_sd,
        "data": "stand-in" if outcome.stand_in else "as in the paper",
        "verdict": outcome.verdict,
        "note": outcome.note,
        **_of_the_method(outcome.method),
    }


def _of_the_method(answer: Answer) -> dict[str, Any]:
    test = answer.test
    known = {} if test is None else {**asdict(test.difference), **_statistics(vars(test))}
    kept = ("mean", "low", "high", "standard_error", "df", "smallest_detectable")
    numbers = {f"method_{name}": known.get(name, math.nan) for name in kept}
    return {
        "method_population": answer.population,
        **numbers,
        "method_p": answer.p,
        "method_p_adjusted": answer.p_adjusted,
        "method_verdict": answer.verdict,
        "method_note": answer.note,
        **_variances(answer),
    }


def _variances(answer: Answer) -> dict[str, float]:
    """Standard deviations of the effects of classes, trainings and tasks, for plans of power."""
    components = answer.test.components if answer.test else None
    return {
        f"method_sd_{field.name}": math.sqrt(getattr(components, field.name))
        if components
        else math.nan
        for field in fields(Components)
    }


def _statistics(test: dict[str, Any]) -> dict[str, Any]:
    left = ("difference", "p", "components")
    return {name: value for name, value in test.items() if name not in left}


def _printed(claim: Claim, outcome: Outcome, study: DescribedStudy) -> list[str]:
    test, quantity = outcome.test, words.quantity_of(outcome)
    verdict = words.verdict(outcome)
    return [
        claim.claim,
        words.compared(outcome, study),
        words.expected(outcome.comparison),
        words.found(outcome),
        p_value(outcome.p_adjusted),
        verdict if outcome.comparison.decides else f"({outcome.verdict}, beside)",
        f"{words.method_verdict(outcome)} ({words.for_method(outcome)})",
        words.counted(outcome),
        str(outcome.trainings) if outcome.trainings else MISSING,
        MISSING if test is None else number(test.effect_size, 2),
        words.detectable(outcome),
        number(outcome.seed_sd, quantity.digits),
        p_value(outcome.p),
    ]
