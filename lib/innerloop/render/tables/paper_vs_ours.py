"""Every number the papers print, ours beside it, and a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from innerloop.render import captions
from innerloop.render.tabulation import MISSING, Tabulation, number, p_value, plus_minus
from innerloop.tables.comparability import protocol_of, require_comparable
from innerloop.tables.described_study import PAPER_LABELS
from innerloop.tables.evidence import Evidence
from innerloop.tables.intervals import Interval, mean_interval
from innerloop.tables.prototypes import between_models, changes
from innerloop.tables.published import TOLERANCE_POINTS, VERDICTS, judge, published
from innerloop.tables.summaries import summarise

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

#: Joint with the papers' intervals, so of their level, whatever level the study draws.
LEVEL = 0.95


@dataclass(frozen=True)
class Ours:
    """Our measurement of a published number, in its unit.

    Attributes:
        effect: what a p-value is of, above 0 in the paper's direction.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    seeds: int = 0
    missing: int = 0
    protocol: str = ""
    effect: float = math.nan

    @property
    def half_width(self) -> float:
        """Half the length of the interval."""
        return (self.high - self.low) / 2

    @classmethod
    def of(cls, interval: Interval, factor: float = 1, **more: Any) -> Ours:
        """An interval in the unit of the published number."""
        values = {
            "value": factor * interval.mean,
            "low": factor * interval.low,
            "high": factor * interval.high,
            "n": interval.n,
            "missing": interval.missing,
        }
        return cls(**{**values, **more})


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
    recipe = captions.recipe(replace(evidence.study.statistics, level=LEVEL))
    missing = int(frame["missing"].sum())
    changes_paper = frame["paper"].ne(frame["paper"].shift()) & frame["paper"].isin(papers)
    return Tabulation(
        frame,
        pd.DataFrame([_printed(row, evidence) for row in rows], columns=HEADER),
        captions.join(
            f"{counts[:1].upper()}{counts[1:]}.",
            f"{meanings[:1].upper()}{meanings[1:]}." if meanings else "",
            f"The tolerance of an accuracy is {TOLERANCE_POINTS:g} points, or the joint 95 % "
            "interval where that is wider; nothing agrees whose own half-width exceeds "
            f"{TOLERANCE_POINTS:g} points. Step sizes and changes of prototype accuracy are judged "
            "by direction, their standard deviations by a factor of two, p-values by the direction "
            "of what is significant at 5 %. Ours: mean of the seeds ± half-width of a 95 % "
            f"interval ({recipe}). Accuracies: over the tasks of a seed, mean of the seeds' "
            "half-widths; changes of prototype accuracy: over tasks, each averaged over the seeds "
            "first; step sizes: over seeds (Student's t), none with one seed. n: tasks, or step "
            "sizes of a layer.",
            f"{missing:,} values are not numbers and count as missing." if missing else "",
            evidence.study.stand_ins(),
        ),
        tuple(index for index in frame.index[changes_paper] if index > 0),
    )


def _compare(row: dict[str, Any], evidence: Evidence, lookup: _Lookup) -> dict[str, Any]:
    ours = lookup(row)
    return {
        **row,
        "ours": ours.value,
        "low": ours.low,
        "high": ours.high,
        "half_width": ours.half_width,
        "difference": ours.value - row["value"],
        "n": ours.n,
        "seeds": ours.seeds,
        "missing": ours.missing,
        "measured": ours.protocol,
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
    return judge(
        row["metric"], row["value"], row["spread"], ours.value, ours.half_width, ours.effect
    )


class _Lookup:
    """Our value of a published row, looked up by its metric."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._statistics = replace(evidence.study.statistics, level=LEVEL)
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
        eval_dataset = self._evidence.study.in_role(row["eval_dataset"])
        rows = self._rows(
            "accuracy",
            row,
            row["method"],
            split=row["split"],
            eval_dataset=eval_dataset,
            checkpoint="best",
        )
        if rows.empty:
            return Ours()
        found = summarise(rows, ["way", "shot"], "accuracy", self._statistics).iloc[0]
        return Ours(
            value=100 * found["mean"],
            low=100 * found["low"],
            high=100 * found["high"],
            n=int(found["n"]),
            seeds=int(found["seeds"]),
            missing=int(found["missing"]),
            protocol=_measured(rows),
        )

    def _step_size(self, row: dict[str, Any]) -> Ours:
        metric, _, layer = row["metric"].partition(".")
        rows = self._rows("step_size", row, row["method"], layer=layer, parameter="weight")
        rows = rows[rows["iteration"] == rows["iteration"].max()]
        if rows.empty:
            return Ours()
        interval = mean_interval(rows[metric.removeprefix("step_size_")], "t", LEVEL)
        after = f"{rows['iteration'].iloc[0]:,} iterations"
        return Ours.of(interval, n=int(rows["count"].iloc[0]), seeds=interval.n, protocol=after)

    def _off_task(self, row: dict[str, Any]) -> Ours:
        rows = self._rows("protonet", row, row["method"], split=row["split"])
        if rows.empty:
            return Ours()
        off_task = changes(rows)["off_task"]
        interval = mean_interval(off_task, self._statistics.interval, LEVEL)
        return Ours.of(interval, 100, seeds=captions.seeds(rows), protocol=_measured(rows))

    def _p_value(self, row: dict[str, Any]) -> Ours:
        rows = [
            self._rows("protonet", row, method, split=row["split"])
            for method in row["method"].split("-vs-")
        ]
        if any(part.empty for part in rows):
            return Ours()
        require_comparable(*map(protocol_of, rows))
        first, second = map(changes, rows)
        # the paper: Meta-SGD, named second, changes for the better against MAML
        test = between_models(second, first)["paired"]
        return Ours(
            test.p,
            n=test.difference.n,
            seeds=captions.seeds(rows[0]),
            missing=test.difference.missing,
            protocol=_measured(rows[0]),
            effect=test.difference.mean,
        )

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


def _measured(rows: pd.DataFrame) -> str:
    """`10 inner steps, 15 queries, best checkpoint, BatchNorm: batch, images: pickles-84`."""
    found = protocol_of(rows)
    require_comparable(found, found)
    of = {column: str(values[0]) for column, values in found.items()}
    return (
        f"{of['steps']} inner steps, {of['queries']} queries, {of['checkpoint']} checkpoint, "
        f"BatchNorm: {of['batch_norm']}, images: {of['eval_store']}"
    )


def _printed(row: dict[str, Any], evidence: Evidence) -> list[str]:
    metric = row["metric"]
    digits = 1 if row["unit"] else 3
    show = p_value if metric.endswith("p_value") else lambda value: number(value, digits)
    methods = [evidence.study.label(name, row["protocol"]) for name in row["method"].split("-vs-")]
    return [
        f"{row['paper']}, {row['item']}",
        _quantity(row),
        " − ".join(reversed(methods)),
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
        # what is left out here is the same in all rows of a kind; the CSV file has it
        ", ".join(row["measured"].split(", ")[:2]) or MISSING,
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
