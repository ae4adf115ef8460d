"""The papers' numbers (each paper's `published.csv`), compared with ours.

Rows of the kind `quoted` are cited there from other papers, under other protocols; they get no
verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.papers.our_values import Ours, OurValues
from innerloop.papers.paper import PUBLISHED, Paper, read_paper
from innerloop.stats.populations import Answer

#: Tolerance in points: careful re-implementations of MAML differ by even more.
TOLERANCE_POINTS = 2.0

VERDICTS = {
    "agrees": "the difference is within the tolerance",
    "differs": "the difference is beyond the tolerance",
    "same sign": "the method's effect has the paper's sign; sizes are not compared",
    "opposite sign": "the method's effect has the opposite sign",
    "leans to the same sign": "fewer than 5 trainings, all with that sign, p < 0.1",
    "leans to the opposite sign": "the same for the opposite",
    "inconclusive": "our interval is too wide to tell, or our trainings show no clear sign",
    "not judged": "one training, or an undertrained one, cannot tell the sign",
    "stand-in": "our data set stands in for the paper's, so the numbers are not comparable",
    "other size": "our images, filters or iterations are not the paper's; compare orderings only",
    "not run": "this study does not have the measurement",
    "quoted": "the paper cites the number from elsewhere",
}


#: Verdict on "our number has the paper's sign" -> the verdict on the published number.
_OF_A_SIGN = {
    "holds": "same sign",
    "fails": "opposite sign",
    "leans to it": "leans to the same sign",
    "leans against it": "leans to the opposite sign",
}


def published(study: DescribedStudy) -> list[dict[str, Any]]:
    """Every number of the papers that a study has chosen and has models of, in their order."""
    measured = [read_paper(paper.place) for paper in study.papers if paper.measured]
    return [row for paper in measured for row in _rows(paper)]


def _rows(paper: Paper) -> list[dict[str, Any]]:
    file = paper.file(PUBLISHED)
    if file is None:
        return []
    text = dict.fromkeys(("train_dataset", "eval_dataset", "split", "note"), str)
    frame = pd.read_csv(file, dtype=text, keep_default_na=False, na_values={"spread": [""]})
    whose = {"paper": paper.facts.label, "protocol": paper.facts.protocol}
    return [
        {**whose, **{str(column): value for column, value in row.items()}}
        for row in frame.to_dict("records")
    ]


def compared(evidence: Evidence) -> list[dict[str, Any]]:
    """Every published number with ours and the verdict, in the papers' order."""
    ours = OurValues(evidence)
    return [_beside(row, ours.of(row), evidence) for row in published(evidence.study)]


def _beside(row: dict[str, Any], ours: Ours, evidence: Evidence) -> dict[str, Any]:
    unlike = _unlike(row, evidence.study)
    # numbers of two data sets, or of models of two sizes, are not subtracted
    comparable = not unlike
    return {
        **row,
        "ours": ours.value,
        "low": ours.low,
        "high": ours.high,
        "half_width": ours.half_width,
        "difference": ours.value - row["value"] if comparable else math.nan,
        "difference_half_width": _joint(row["spread"], ours.half_width) if comparable else math.nan,
        "n": ours.n,
        "seeds": ours.seeds,
        "missing": ours.missing,
        "welch_p": ours.welch,
        "method_p": math.nan if ours.method is None else ours.method.p,
        "method_note": "" if ours.method is None else ours.method.note,
        "measured": ours.protocol,
        "verdict": _verdict(row, ours, unlike),
    }


def _verdict(row: dict[str, Any], ours: Ours, unlike: str) -> str:
    if row["kind"] == "quoted":
        return "quoted"
    if math.isnan(ours.value):
        return "not run"
    return unlike or judge(
        row["metric"], row["value"], row["spread"], ours.value, ours.half_width, ours.method
    )


def _unlike(row: Mapping[str, Any], study: DescribedStudy) -> str:
    """Why a published number cannot be compared with ours; empty if it can."""
    roles = [role for role in (row["train_dataset"], row["eval_dataset"]) if role]
    if any(study.in_role(role) != role for role in roles):
        return "stand-in"
    return "other size" if _of_other_size(row, study) else ""


def _of_other_size(row: Mapping[str, Any], study: DescribedStudy) -> bool:
    """Whether the models that a number is measured on differ in size from the paper's."""
    size = next((p.facts.size for p in study.papers if p.facts.protocol == row["protocol"]), {})
    methods, dataset = row["method"].split("-vs-"), study.in_role(row["train_dataset"])
    return any(
        model.details.get(choice) != value
        for model in study.models
        if (model.protocol, model.dataset) == (row["protocol"], dataset)
        and model.variant in methods
        for choice, value in size.items()
    )


def judge(
    metric: str,
    paper: float,
    spread: float,
    ours: float,
    half_width: float,
    method: Answer | None = None,
) -> str:
    """The verdict on one number.

    Accuracies (percent) are compared by size: they agree within 2 points or within the joint 95 %
    interval, whichever is larger, but not where our half-width exceeds 2 points, which is
    inconclusive. A difference beyond both is one however wide our interval is, since the joint
    interval holds it. Mean step sizes, changes of prototype accuracy and P2's p-value are judged by
    direction alone, which is what P2 argues from, and by trainings, as a claim is for the method;
    standard deviations by a factor of two.

    Args:
        metric: as in `published.csv`.
        paper: the published value.
        spread: its printed half-width, NaN when there is none.
        ours: our value.
        half_width: its 95 % half-width, NaN when it has none.
        method: whether trainings show the paper's sign, for numbers judged by their sign.
    """
    if math.isnan(ours):
        return "not run"
    if metric == "accuracy":
        return _by_size(ours - paper, spread, half_width)
    if metric.startswith("step_size_sd"):
        return "agrees" if paper / 2 <= ours <= paper * 2 else "differs"
    return "not run" if method is None else _OF_A_SIGN.get(method.verdict, method.verdict)


def _by_size(difference: float, spread: float, half_width: float) -> str:
    if abs(difference) > max(TOLERANCE_POINTS, _joint(spread, half_width, missing=0)):
        return "differs"
    if math.isnan(half_width) or half_width > TOLERANCE_POINTS:
        return "inconclusive"
    return "agrees"


def _joint(spread: float, half_width: float, missing: float = math.nan) -> float:
    """Half-width of a difference; `missing` if ours has none. A lone number counts as exact."""
    known = 0 if math.isnan(spread) else spread
    return math.hypot(known, missing if math.isnan(half_width) else half_width)
