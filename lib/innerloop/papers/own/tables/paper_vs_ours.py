"""Every number that the papers print, with ours and a verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.papers.our_values import LEVEL
from innerloop.papers.published import TOLERANCE_POINTS, VERDICTS, compared
from innerloop.papers.quantities import METRICS
from innerloop.render import captions
from innerloop.render.tabulation import (
    MISSING,
    Tabulation,
    number,
    p_value,
    plus_minus,
    rules_between,
)
from innerloop.specs.setting import setting_label
from innerloop.stats.statistics import Statistics

TITLE = "Every published number beside ours"
READS = ("published",)

#: Verdicts on numbers that are not compared.
UNJUDGED = ("quoted", "stand-in", "other size")

HEADER = [
    "Source",
    "Quantity",
    "Method",
    "Published",
    "Ours",
    "Difference",
    "Verdict",
    "n",
    "Seeds",
    "Measured after",
]


def tabulate(evidence: Evidence) -> Tabulation:
    """One row per published number, in the papers' order."""
    rows = compared(evidence)
    frame = pd.DataFrame(rows)
    verdicts = frame["verdict"].value_counts()
    counts = ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS if name in verdicts)
    meanings = "; ".join(
        f"{name}: {VERDICTS[name]}" for name in VERDICTS if name in verdicts and name != "not run"
    )
    return Tabulation(
        frame,
        pd.DataFrame([_printed(row, evidence) for row in rows], columns=HEADER),
        captions.join(
            f"{counts[:1].upper()}{counts[1:]}.",
            f"{meanings[:1].upper()}{meanings[1:]}." if meanings else "",
            *_rules(frame, evidence.study.statistics),
            _diverged(frame),
            evidence.study.stand_ins(
                evidence.study.in_role(role)
                for column in ("train_dataset", "eval_dataset")
                for role in frame.loc[frame["verdict"] == "stand-in", column]
            ),
        ),
        rules_between(frame["paper"]),
    )


def _rules(frame: pd.DataFrame, statistics: Statistics) -> list[str]:
    """How the numbers were judged, and what ours are: only what some row here needs."""
    measured = frame[frame["ours"].notna()]
    judged = ~measured["verdict"].isin(UNJUDGED)
    metrics = measured["metric"].str
    accuracy, p = measured["metric"] == "accuracy", metrics.endswith("p_value")
    prototypes = metrics.startswith("protonet") & ~p
    means, spreads = metrics.startswith("step_size_mean"), metrics.startswith("step_size_sd")
    recipe = captions.recipe(replace(statistics, level=LEVEL))
    ours = {
        "for accuracies over the tasks of a seed, averaged over seeds": accuracy,
        "for changes of prototype accuracy over tasks, each first averaged over seeds": prototypes,
        "for step sizes over seeds (Student's t; none with one seed)": means | spreads,
    }
    over = "; ".join(text for text, which in ours.items() if which.any())
    said = {
        f"The tolerance for an accuracy is {TOLERANCE_POINTS:g} points, or the joint 95 % interval "
        "if that is wider; a number whose own half-width exceeds "
        f"{TOLERANCE_POINTS:g} points never agrees.": accuracy & judged,
        "Mean step sizes, changes of prototype accuracy and the effect behind P2's p-value are "
        "judged by their sign alone, for the method, as claims are: one training decides nothing, "
        "fewer than 5 can only lean. The same sign does not mean the same size.": judged
        & (means | prototypes | p),
        "P2 does not say how its p-value was computed, so ours is given in the ways it may have "
        "been (for these models, with paired tasks and by Welch's test) and as it should be, for "
        "the method.": p,
        "A standard deviation agrees if it is within a factor of two.": spreads & judged,
        "Difference: ± the joint interval of both.": measured["difference"].notna(),
        f"Ours: mean over seeds ± half-width of a 95 % interval ({recipe}), {over}. n: tasks, or "
        "step sizes of a layer.": measured["ours"].notna(),
    }
    return [text for text, which in said.items() if which.any()]


def _diverged(frame: pd.DataFrame) -> str:
    lost = int(frame["missing"].sum())
    return f"{lost:,} values are missing because their tasks diverged." if lost else ""


def _printed(row: dict[str, Any], evidence: Evidence) -> list[str]:
    metric = row["metric"]
    digits = 1 if row["unit"] else 3
    show = p_value if metric.endswith("p_value") else lambda value: number(value, digits)
    methods = [evidence.study.label(name, row["protocol"]) for name in row["method"].split("-vs-")]
    return [
        f"{row['paper']}, {row['item']}",
        _quantity(row, evidence.study),
        " − ".join(reversed(methods)),
        show(row["value"])
        if math.isnan(row["spread"])
        else plus_minus(row["value"], row["spread"], digits),
        _p_values(row)
        if metric.endswith("p_value") and row["n"]
        else show(row["ours"])
        if math.isnan(row["half_width"])
        else plus_minus(row["ours"], row["half_width"], digits),
        MISSING
        if metric.endswith("p_value")
        else plus_minus(row["difference"], row["difference_half_width"], digits, sign=True),
        ": ".join(filter(None, [row["verdict"], row["method_note"]]))
        if row["verdict"] == "not judged"
        else row["verdict"],
        f"{row['n']:,}" if row["n"] else MISSING,
        f"{row['seeds']}" if row["seeds"] else MISSING,
        # parts left out here are the same in all rows of a kind; the CSV file has them
        ", ".join(row["measured"].split(", ")[:2]) or MISSING,
    ]


def _p_values(row: dict[str, Any]) -> str:
    """The p-value as the paper may have computed it, and the answer for the method."""
    method = row["method_note"] if math.isnan(row["method_p"]) else p_value(row["method_p"])
    models = f"{p_value(row['ours'])} paired, {p_value(row['welch_p'])} Welch"
    return f"{models}; for the method {method}"


def _quantity(row: dict[str, Any], study: DescribedStudy) -> str:
    metric, _, layer = row["metric"].partition(".")
    setting = setting_label(row["way"], row["shot"])
    role = row["eval_dataset"] or row["train_dataset"]
    place = study.role_label(role)
    ours = study.dataset_label(study.in_role(role))
    if ours.replace("-", "") != place.replace("-", ""):  # FC100 is FC-100
        place = f"{place} (ours: {ours})"
    split = ", validation" if row["split"] == "val" else ""
    accuracy = metric == "accuracy"
    return ", ".join(
        filter(None, [METRICS[metric], layer, place, f"{setting}{split}" if accuracy else ""])
    )
