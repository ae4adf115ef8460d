"""Every number the papers print, ours beside it, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from innerloop.render import captions
from innerloop.render.accuracy import accuracies
from innerloop.render.tabulation import MISSING, Tabulation, number, p_value, plus_minus
from innerloop.tables.description import PAPER_LABELS
from innerloop.tables.evidence import Evidence
from innerloop.tables.intervals import mean_interval
from innerloop.tables.prototypes import between_models, changes
from innerloop.tables.published import TOLERANCE_POINTS, VERDICTS, judge, published

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
]


@dataclass(frozen=True)
class Ours:
    """Our measurement of a published number, in its unit."""

    value: float = math.nan
    half_width: float = math.nan
    n: int = 0
    seeds: int = 0


def tabulate(evidence: Evidence) -> Tabulation:
    """One row a published number, in the papers' order."""
    lookup = _Lookup(evidence)
    rows = [_compare(row, evidence, lookup) for row in published()]
    frame = pd.DataFrame(rows)
    verdicts = frame["verdict"].value_counts()
    counts = ", ".join(f"{verdicts[name]} {name}" for name in VERDICTS if name in verdicts)
    meanings = "; ".join(
        f"{name}: {VERDICTS[name]}" for name in VERDICTS if name in verdicts and name != "not run"
    )
    papers = ["P1", "P2"]
    changes_paper = frame["paper"].ne(frame["paper"].shift()) & frame["paper"].isin(papers)
    return Tabulation(
        frame,
        pd.DataFrame([_printed(row, evidence) for row in rows], columns=HEADER),
        captions.join(
            f"{counts[:1].upper()}{counts[1:]}.",
            f"{meanings[:1].upper()}{meanings[1:]}." if meanings else "",
            f"The tolerance of an accuracy is {TOLERANCE_POINTS:g} points, or the joint 95 % "
            "interval where that is wider. Step sizes and changes of prototype accuracy are judged "
            "by direction, their standard deviations by a factor of two, p-values by significance "
            "at 5 %. Ours: mean of the seeds ± half-width of a 95 % interval. Accuracies: over the "
            "tasks of a seed, mean of the seeds' half-widths; changes of prototype accuracy: over "
            "tasks, each averaged over the seeds first; step sizes: over seeds (Student's t), none "
            "with one seed. n: tasks, or step sizes of a layer.",
            evidence.study.stand_ins(),
        ),
        tuple(index for index in frame.index[changes_paper] if index > 0),
    )


def _compare(row: dict[str, Any], evidence: Evidence, lookup: _Lookup) -> dict[str, Any]:
    ours = lookup(row)
    return {
        **row,
        "ours": ours.value,
        "half_width": ours.half_width,
        "difference": ours.value - row["value"],
        "n": ours.n,
        "seeds": ours.seeds,
        "verdict": _verdict(row, ours, evidence),
    }


def _verdict(row: dict[str, Any], ours: Ours, evidence: Evidence) -> str:
    if row["kind"] == "quoted":
        return "quoted"
    if math.isnan(ours.value):
        return "not run"
    roles = [role for role in (row["train_dataset"], row["eval_dataset"]) if role]
    if any(evidence.study.in_role(role) != role for role in roles):
        return "stand-in"
    return judge(row["metric"], row["value"], row["spread"], ours.value, ours.half_width)


class _Lookup:
    """Our value of a published row, looked up by its metric."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._accuracies = accuracies(evidence, split=["val", "test"]).summary
        self._by_metric: dict[str, Callable[[dict[str, Any]], Ours]] = {
            "accuracy": self._accuracy,
            "step_size_mean": self._step_size,
            "step_size_sd": self._step_size,
            "protonet_off_task_minus_pre": self._off_task,
            "protonet_relative_change_p_value": self._p_value,
        }

    def __call__(self, row: dict[str, Any]) -> Ours:
        look = self._by_metric.get(row["metric"].partition(".")[0])
        return Ours() if look is None else look(row)

    def _accuracy(self, row: dict[str, Any]) -> Ours:
        study, frame = self._evidence.study, self._accuracies
        wanted = {
            "protocol": row["protocol"],
            "variant": row["method"],
            "train_dataset": study.in_role(row["train_dataset"]),
            "eval_dataset": study.in_role(row["eval_dataset"]),
            "split": row["split"],
            "way": row["way"],
            "shot": row["shot"],
        }
        for column, value in wanted.items():
            frame = frame[frame[column] == value]
        if frame.empty:
            return Ours()
        found = frame.iloc[0]
        return Ours(found["mean"], found["half_width"], int(found["n"]), int(found["seeds"]))

    def _step_size(self, row: dict[str, Any]) -> Ours:
        metric, _, layer = row["metric"].partition(".")
        rows = self._rows("step_size", row, row["method"], layer=layer, parameter="weight")
        rows = rows[rows["iteration"] == rows["iteration"].max()]
        if rows.empty:
            return Ours()
        interval = mean_interval(rows[metric.removeprefix("step_size_")], "t")
        return Ours(interval.mean, interval.half_width, int(rows["count"].iloc[0]), interval.n)

    def _off_task(self, row: dict[str, Any]) -> Ours:
        rows = self._rows("protonet", row, row["method"], split=row["split"])
        interval = mean_interval(changes(rows)["off_task"])
        return Ours(
            100 * interval.mean, 100 * interval.half_width, interval.n, captions.seeds(rows)
        )

    def _p_value(self, row: dict[str, Any]) -> Ours:
        rows = [
            self._rows("protonet", row, method, split=row["split"])
            for method in row["method"].split("-vs-")
        ]
        if any(part.empty for part in rows):
            return Ours()
        first, second = map(changes, rows)
        test = between_models(first, second)["paired"]
        return Ours(test.p, n=test.difference.n, seeds=captions.seeds(rows[0]))

    def _rows(self, table: str, row: dict[str, Any], variant: str, **equal: str) -> pd.DataFrame:
        return self._evidence.rows(
            table,
            protocol=row["protocol"],
            variant=variant,
            train_dataset=self._evidence.study.in_role(row["train_dataset"]),
            way=row["way"],
            shot=row["shot"],
            **equal,
        )


def _printed(row: dict[str, Any], evidence: Evidence) -> list[str]:
    metric = row["metric"]
    digits = 1 if row["unit"] else 3
    show = p_value if metric.endswith("p_value") else lambda value: number(value, digits)
    methods = [evidence.study.label(name, row["protocol"]) for name in row["method"].split("-vs-")]
    return [
        f"{row['paper']}, {row['item']}",
        _quantity(row),
        " − ".join(methods),
        show(row["value"])
        if math.isnan(row["spread"])
        else plus_minus(row["value"], row["spread"], digits),
        show(row["ours"])
        if math.isnan(row["half_width"])
        else plus_minus(row["ours"], row["half_width"], digits),
        MISSING if metric.endswith("p_value") else number(row["difference"], digits, sign=True),
        row["verdict"],
        f"{row['n']:,}" if row["n"] else MISSING,
        f"{row['seeds']}" if row["seeds"] else MISSING,
    ]


def _quantity(row: dict[str, Any]) -> str:
    metric, _, layer = row["metric"].partition(".")
    setting = f"{row['way']}w{row['shot']}s"
    place = PAPER_LABELS.get(row["eval_dataset"], row["eval_dataset"])
    if metric == "accuracy":
        split = ", validation" if row["split"] == "val" else ""
        return f"accuracy (%), {place} {setting}{split}"
    return {
        "step_size_mean": f"mean step size, {layer}",
        "step_size_sd": f"sd of step sizes, {layer}",
        "protonet_off_task_minus_pre": "off-task − before (points)",
        "protonet_relative_change_p_value": "p of d between the models",
    }[metric]
