"""P2, Section 5.3: t-tests of what adaptation does to nearest-prototype accuracy."""

from __future__ import annotations

from dataclasses import asdict
from itertools import accumulate
from typing import Any

import pandas as pd

from innerloop.render import captions
from innerloop.render.tabulation import Tabulation, not_measured, number, p_value, plus_minus
from innerloop.tables.described_study import DescribedStudy
from innerloop.tables.evidence import Evidence
from innerloop.tables.multiple_comparisons import adjusted
from innerloop.tables.prototypes import between_models, changes, within_model
from innerloop.tables.t_tests import TTest

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
    "Effect size",
    "n",
    "Ties",
    "Detectable",
]


def tabulate(evidence: Evidence) -> Tabulation:
    """Every split's block: each model's changes against zero, then d of it minus that of MAML."""
    study = evidence.study
    rows = evidence.trained("protonet", PROTOCOL)
    if rows.empty:
        return not_measured("nearest-prototype accuracy of P2's models", HEADER)
    measured = {str(split) for split in rows["split"].unique()}
    splits = [*(split for split in SPLITS if split in measured), *sorted(measured - set(SPLITS))]
    blocks = [
        [(split, *line) for line in block]
        for split in splits
        for block in _blocks(study, rows[rows["split"] == split])
    ]
    lines = [line for block in blocks for line in block]
    seeds, chosen = captions.seeds(rows), study.statistics
    p_values = adjusted([test.p for *_, test in lines], chosen.correction)
    missing = sum(test.difference.missing for *_, test in lines)
    return Tabulation(
        pd.DataFrame([_numbers(*line, p) for line, p in zip(lines, p_values, strict=True)]),
        pd.DataFrame([_printed(*line, p) for line, p in zip(lines, p_values, strict=True)]),
        captions.join(
            "Two-sided t-tests of paired changes in nearest-prototype accuracy, in percentage "
            f"points with {captions.percent(chosen.level)} intervals (Student's t). "
            "Effect size: Cohen's dz (d for Welch). Ties: changes of exactly zero. "
            "Detectable: the true change found in 80 % of repetitions with this n, before p is "
            "adjusted; a smaller one may be there unseen. P2 reports p = 0.00044 for d between the "
            "two models without the recipe; d is off-task change minus on-task change of one task "
            "index.",
            captions.ON_TASK_CLAIMS,
            f"Accuracies averaged over {seeds} seeds first." if seeds > 1 else "One seed.",
            f"p as P2 has it; beside it {captions.correction(chosen, len(lines))}.",
            f"{missing:,} values are not numbers and count as missing." if missing else "",
            study.stand_ins("mini_imagenet"),
        ),
        tuple(accumulate(map(len, blocks[:-1]))),
    )


def _blocks(study: DescribedStudy, rows: pd.DataFrame) -> list[list[tuple[str, str, TTest]]]:
    """The tests of one split: within models and, where there are several, between them."""
    names = [v.name for v in study.variants(PROTOCOL) if (rows["variant"] == v.name).any()]
    changed = {name: changes(rows[rows["variant"] == name]) for name in names}
    label = {name: study.label(name, PROTOCOL) for name in names}
    level = study.statistics.level
    reference = REFERENCE if REFERENCE in names else names[0]
    within = [
        (label[name], CHANGES[change], test)
        for name in names
        for change, test in within_model(changed[name], level).items()
    ]
    between = [
        (f"{label[name]} − {label[reference]}", TESTS[kind], test)
        for name in names
        if name != reference
        for kind, test in between_models(changed[name], changed[reference], level).items()
    ]
    return [block for block in (within, between) if block]


def _numbers(
    split: str, model: str, quantity: str, test: TTest, p_adjusted: float
) -> dict[str, Any]:
    return {
        "split": split,
        "model": model,
        "quantity": quantity,
        **asdict(test.difference),
        **_statistics(test),
        "p_adjusted": p_adjusted,
    }


def _statistics(test: TTest) -> dict[str, float]:
    return {name: value for name, value in vars(test).items() if name != "difference"}


def _printed(
    split: str, model: str, quantity: str, test: TTest, p_adjusted: float
) -> dict[str, str]:
    difference = test.difference
    values = (
        SPLITS.get(split, split),
        model,
        quantity,
        plus_minus(100 * difference.mean, 100 * difference.half_width, 2, sign=True),
        number(test.t, 2),
        number(test.df, 0),
        p_value(test.p),
        p_value(p_adjusted),
        number(test.effect_size, 3),
        f"{difference.n:,}",
        f"{test.ties:,}",
        number(100 * test.smallest_detectable, 2),
    )
    return dict(zip(HEADER, values, strict=True))
