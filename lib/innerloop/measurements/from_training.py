"""Rows of the tables that training itself logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from innerloop.learners.options import learned_step_sizes
from innerloop.specs.train import TrainSpec

Row = Mapping[str, Any]

_SUMMARY = ("iteration", "layer", "parameter", "count", "mean", "sd", "share_negative")


def logged_rows(table: str, log: Iterable[Row], spec: TrainSpec) -> Iterator[Row]:
    """The rows of a table from a training log.

    Args:
        table: training, weight_norm, outer_step, step_size or step_size_value.
        log: rows of the log file that the table is made from.
        spec: what the model was trained by.
    """
    if table == "weight_norm":
        return (
            {name: row[name] for name in ("iteration", "layer", "norm", "effective_step_size")}
            for row in log
            if row["parameter"] == "weight"
        )
    if table == "step_size":
        learned = learned_step_sizes(spec.learner)
        return ({name: row[name] for name in _SUMMARY} for row in log if learned)
    return iter(log)
