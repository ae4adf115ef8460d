"""P2, Section 5.3: t-tests of how adaptation changes nearest-prototype accuracy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from innerloop.measurements.class_shares import class_shares
from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.papers import words
from innerloop.papers.judgement import Judgement
from innerloop.papers.prototypes import between_models, changes, changes_by_training
from innerloop.render import captions
from innerloop.render.tabulation import (
    MISSING,
    Tabulation,
    not_measured,
    number,
    p_equals,
    p_value,
    plus_minus,
    rules_between,
)
from innerloop.stats.multiple_comparisons import adjusted
from innerloop.stats.populations import Answer, Expectation, by_tasks
from innerloop.stats.statistics import Statistics
from innerloop.stats.t_tests import TTest, one_sample

TITLE = "Section 5.3: t-tests of prototypes"
READS = ("protonet", "claims")

PROTOCOL = "p2"
REFERENCE = "maml"

CHANGES = {
    "on_task": "on-task − before",
    "off_task": "off-task − before",
    "relative": "d: off-task change − on-task change",
}
TESTS = {"paired": "d, paired on tasks", "welch": "d, Welch's test"}
#: Splits in the order of the table, those not named here last.
SPLITS = {"test": "test", "val": "validation", "train": "training"}
HEADER = [
    "Split",
    "Model",
    "Quantity",
    "Points",
    "t",
    "df",
    "p",
    "Adjusted p",
    "For the method",
    "Effect size",
    "n",
    "Ties",
    "Detectable",
]


@dataclass(frozen=True)
class _Line:
    """One test of a model's change, or of the difference between two models' changes.

    `test` is of these models, `method` of other trainings.
    """

    split: str
    variant: str
    against: str
    change: str
    kind: str
    test: TTest
    method: Answer


def tabulate(evidence: Evidence) -> Tabulation:
    """A block per split: each model's changes against zero, then its d minus that of MAML."""
    study = evidence.study
    rows = evidence.trained("protonet", PROTOCOL)
    if rows.empty:
        return not_measured("nearest-prototype accuracy of P2's models", HEADER)
    measured = {str(split) for split in rows["split"].unique()}
    splits = [*(split for split in SPLITS if split in measured), *sorted(measured - set(SPLITS))]
    lines = [
        line for split in splits for line in _lines(study, rows[rows["split"] == split], split)
    ]
    chosen, judgements = study.statistics, words.judged(evidence)
    claimed = _claimed(study, judgements)
    own = [line for line in lines if _key(line) not in claimed]
    p_values = [line.test.p for line in own]
    found = dict(zip(map(_key, own), adjusted(p_values, chosen.correction), strict=True)) | claimed
    return Tabulation(
        pd.DataFrame([_numbers(line, study, found[_key(line)]) for line in lines]),
        pd.DataFrame([_printed(line, study, found[_key(line)]) for line in lines]),
        captions.join(
            "Two-sided t-tests of paired changes in nearest-prototype accuracy, in percentage "
            f"points with {captions.percent(chosen.level)} intervals (Student's t). "
            "Effect size: Cohen's dz (d for Welch). Ties: changes of exactly zero. "
            "Detectable: the true change found in 80 % of repetitions with this n, before p is "
            "adjusted; a smaller one may exist and go unnoticed. P2 reports p = 0.00044 for d "
            "between the two models, without saying how it was computed; d is the off-task change "
            "minus the on-task change at one task index.",
            "P2 contradicts itself on the on-task change: according to its abstract adaptation "
            "improves MAML, according to its Section 5.3 it makes both models worse. Both are "
            "claims here.",
            captions.seeds(rows, "Changes are first averaged over {} seeds."),
            "p is for these models, as in P2, and not adjusted. For the method: p for new "
            "trainings, and for new classes where there are 10 or more, not adjusted; fewer than 5 "
            "trainings decide nothing.",
            _families(chosen, p_values, len(lines) > len(own), words.family(judgements, study)),
            captions.diverged_tasks(rows, study, PROTOCOL),
            captions.stand_ins(study, rows),
        ),
        rules_between((line.split, bool(line.against)) for line in lines),
    )


def _lines(study: DescribedStudy, rows: pd.DataFrame, split: str) -> list[_Line]:
    """The tests of one split: within models, then between them."""
    names = [v.name for v in study.variants(PROTOCOL) if (rows["variant"] == v.name).any()]
    changed = {name: changes(rows[rows["variant"] == name]) for name in names}
    level = study.statistics.level
    reference = REFERENCE if REFERENCE in names else names[0]
    by_training = {name: changes_by_training(rows[rows["variant"] == name]) for name in names}

    def method(values: pd.DataFrame, change: str) -> Answer:
        return _for_the_method(values, change, rows, study)

    within = [
        _Line(
            *(split, name, "", change, ""),
            one_sample(changed[name][change], level),
            method(by_training[name][change], change),
        )
        for name in names
        for change in CHANGES
    ]
    between = [
        _Line(split, name, reference, "relative", kind, test, answer)
        for name in names
        if name != reference
        for difference in [by_training[name]["relative"] - by_training[reference]["relative"]]
        for answer in [method(difference, "relative")]
        for kind, test in between_models(changed[name], changed[reference], level).items()
    ]
    return within + between


def _for_the_method(
    values: pd.DataFrame, change: str, rows: pd.DataFrame, study: DescribedStudy
) -> Answer:
    there = values.dropna(axis=1, how="all")
    if there.empty:
        return Answer("not judged", note="not measured in any training")
    dataset, split, way = (rows[name].iloc[0] for name in ("eval_dataset", "split", "way"))
    shares = class_shares(study, str(dataset), str(split), int(way), there.index, [change])
    return by_tasks(there, shares, Expectation("greater"), study.statistics.level)[1]


def _key(line: _Line) -> tuple[str, ...]:
    return line.split, line.variant, line.against, line.change, line.kind


def _claimed(study: DescribedStudy, judgements: list[Judgement]) -> dict[tuple[str, ...], float]:
    """Adjusted p of tests that also decide a claim; of two claims, that of the larger family."""
    decided = [
        (("test", of.variant, other, of.condition, "paired" if other else ""), outcome.p_adjusted)
        for judgement in judgements
        for outcome in judgement.outcomes
        if outcome.test is not None
        and not math.isnan(outcome.test.p)
        and (of := outcome.comparison.of).quantity == "prototype_change"
        and outcome.comparison.expected in ("greater", "less")
        and (of.protocol, of.setting) == (PROTOCOL, study.main_setting(PROTOCOL))
        and (of.trained_on, of.tested_on) == ("mini_imagenet", "mini_imagenet")
        for other in [outcome.comparison.against.variant if outcome.comparison.against else ""]
    ]
    return dict(sorted(decided, key=lambda pair: pair[1]))


def _families(chosen: Statistics, own: list[float], shared: bool, claims: str) -> str:
    """Which family of comparisons the adjusted p of a row belongs to."""
    rest = captions.correction(chosen, own)
    if not shared:
        return f"Adjusted p: {rest}."
    return (
        "Adjusted p: a test that decides one of the papers' claims has the same here as in their "
        f"table ({claims[:1].lower()}{claims[1:].rstrip('.')}); all other rows are a family of "
        f"their own ({rest})."
    )


def _model(line: _Line, study: DescribedStudy) -> str:
    names = [line.variant, *([line.against] if line.against else [])]
    return " − ".join(study.label(name, PROTOCOL) for name in names)


def _quantity(line: _Line) -> str:
    return TESTS[line.kind] if line.kind else CHANGES[line.change]


def _numbers(line: _Line, study: DescribedStudy, p_adjusted: float) -> dict[str, Any]:
    return {
        "split": line.split,
        "model": _model(line, study),
        "quantity": _quantity(line),
        **asdict(line.test.difference),
        **_statistics(line.test),
        "p_adjusted": p_adjusted,
        "method_population": line.method.population,
        "method_p": line.method.p,
        "method_note": line.method.note,
    }


def _statistics(test: TTest) -> dict[str, float]:
    left = ("difference", "components")
    return {name: value for name, value in vars(test).items() if name not in left}


def _printed(line: _Line, study: DescribedStudy, p_adjusted: float) -> dict[str, str]:
    test, difference = line.test, line.test.difference
    values = (
        SPLITS.get(line.split, line.split),
        _model(line, study),
        _quantity(line),
        plus_minus(100 * difference.mean, 100 * difference.half_width, 2, sign=True),
        number(test.t, 2),
        number(test.df, 0),
        p_value(test.p),
        p_value(p_adjusted),
        line.method.note if math.isnan(line.method.p) else p_equals(line.method.p),
        number(test.effect_size, 3),
        f"{difference.n:,}",
        f"{test.ties:,}",
        number(100 * test.smallest_detectable, 2) if test.standard_error > 0 else MISSING,
    )
    return dict(zip(HEADER, values, strict=True))
