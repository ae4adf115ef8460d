"""Innerloop's measurement of each number that the papers print."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from innerloop.measurements.comparability import protocol_of, require_comparable
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.selection import at_end
from innerloop.measurements.step_sizes import learned
from innerloop.papers.claims import Comparison, Selection
from innerloop.papers.judgement import judge
from innerloop.papers.prototypes import between_models, changes
from innerloop.stats.intervals import Interval, mean_interval
from innerloop.stats.populations import Answer
from innerloop.stats.summaries import summarise

#: Level of the papers' intervals, which ours are combined with, whatever level the study draws.
LEVEL = 0.95


@dataclass(frozen=True)
class Ours:
    """Our measurement of a published number, in its unit.

    Attributes:
        welch: for a p-value of a paired test, that of the unpaired test on the same tasks.
        method: for numbers judged by their sign, whether other trainings would have the paper's.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    seeds: int = 0
    missing: int = 0
    protocol: str = ""
    welch: float = math.nan
    method: Answer | None = None

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


class OurValues:
    """Our values of published numbers, looked up by their metric.

    Args:
        evidence: the study's measurements.
    """

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

    def of(self, row: dict[str, Any]) -> Ours:
        """Our value of a row of `published.csv`; NaN where the study has none."""
        return self._by_metric[row["metric"].partition(".")[0]](row)

    def _accuracy(self, row: dict[str, Any]) -> Ours:
        rows = self._rows("accuracy", row, row["method"], split=row["split"], checkpoint="best")
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
        rows = learned(self._rows("step_size", row, row["method"], layer=layer, parameter="weight"))
        rows = at_end(rows)
        if rows.empty:
            return Ours()
        interval = mean_interval(rows[metric.removeprefix("step_size_")], "t", LEVEL)
        after = f"{rows['iteration'].iloc[0]:,} iterations"
        found = Ours.of(interval, n=int(rows["count"].iloc[0]), seeds=interval.n, protocol=after)
        if metric != "step_size_mean":
            return found
        return replace(found, method=self._method(row, "mean_step_size", layer))

    def _off_task(self, row: dict[str, Any]) -> Ours:
        rows = self._rows("protonet", row, row["method"], split=row["split"])
        if rows.empty:
            return Ours()
        off_task = changes(rows)["off_task"]
        interval = mean_interval(off_task, self._statistics.interval, LEVEL)
        found = Ours.of(interval, 100, seeds=rows["seed"].nunique(), protocol=_measured(rows))
        method = self._method(row, "prototype_change", condition="off_task")
        return replace(found, method=method)

    def _p_value(self, row: dict[str, Any]) -> Ours:
        rows = [
            self._rows("protonet", row, method, split=row["split"])
            for method in row["method"].split("-vs-")
        ]
        if any(part.empty for part in rows):
            return Ours()
        require_comparable(*map(protocol_of, rows))
        first, second = map(changes, rows)
        # the paper says that Meta-SGD, named second, improves more than MAML
        tests = between_models(second, first)
        test = tests["paired"]
        return Ours(
            test.p,
            n=test.difference.n,
            seeds=rows[0]["seed"].nunique(),
            missing=test.difference.missing,
            protocol=_measured(rows[0]),
            welch=tests["welch"].p,
            method=self._method(row, "prototype_change", condition="relative"),
        )

    def _method(
        self, row: dict[str, Any], quantity: str, layer: str = "", condition: str = ""
    ) -> Answer:
        """Whether the difference, or the value, has the paper's sign, judged as a claim is."""
        *others, variant = row["method"].split("-vs-")
        of = Selection(
            quantity,
            variant,
            protocol=row["protocol"],
            trained_on=row["train_dataset"],
            tested_on=row["eval_dataset"] or row["train_dataset"],
            setting=f"{row['way']}w{row['shot']}s",
            layer=layer,
            condition=condition,
        )
        against = replace(of, variant=others[0]) if others else None
        comparison = Comparison(of, against, "greater" if row["value"] > 0 else "less")
        (outcome,) = judge([comparison], self._evidence, self._statistics)
        return outcome.method

    def _rows(self, table: str, row: dict[str, Any], variant: str, **equal: str) -> pd.DataFrame:
        in_role = self._evidence.study.in_role
        if row["eval_dataset"]:
            equal["eval_dataset"] = in_role(row["eval_dataset"])
        return self._evidence.rows(
            table,
            protocol=row["protocol"],
            variant=variant,
            train_dataset=in_role(row["train_dataset"]),
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
