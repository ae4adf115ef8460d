"""Which of a table's rows count: one rule for figures, published numbers, claims and `compare`.

Rows that agree in `MODEL` belong to the same training. A table may hold several iterations,
checkpoints and numbers of inner steps of it; one function below selects from each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Set

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.runtime.errors import SchemaError

#: Columns that say which training a row belongs to: a meta-trained model's, or the toy's.
MODEL = (
    *("protocol", "variant", "train_dataset", "setting"),
    *("arm", "dataset", "step_size", "seed"),
)

#: Checkpoints in order of preference: accuracy is that of the best; a baseline's is "none".
CHECKPOINTS = ["best", "none", "last"]


def time_of(rows: pd.DataFrame) -> str:
    """The column that tells how far a training was: `iteration`, or for the toy `epoch`."""
    return "iteration" if "iteration" in rows else "epoch"


def at_fraction(rows: pd.DataFrame, fraction: float, length: int | None = None) -> pd.DataFrame:
    """Each training's rows at the iteration or epoch nearest to a fraction of its length.

    If two are equally near, the earlier counts. Untrained weights stand for no other fraction than
    0. Without `length`, each training is as long as its rows reach; trainings may differ in length.
    """
    if rows.empty:
        return rows
    time = time_of(rows)
    keys = [name for name in MODEL if name in rows]
    training = rows.groupby(keys, observed=True, dropna=False, sort=False).ngroup()
    end = rows[time].groupby(training).transform("max") if length is None else length
    distance = (rows[time] - fraction * end).abs()
    if fraction > 0:
        distance = distance.where(rows[time] > 0, math.inf)
    least = distance.groupby(training).transform("min")
    chosen = rows[time].where(distance == least).groupby(training).transform("min")
    return rows[rows[time] == chosen]


def at_end(rows: pd.DataFrame) -> pd.DataFrame:
    """Each training's rows at its last iteration or epoch."""
    return at_fraction(rows, 1.0)


def after_steps(
    rows: pd.DataFrame, study: DescribedStudy, steps: int | None = None
) -> pd.DataFrame:
    """The rows measured after a given number of inner steps, or after each variant's own number.

    Args:
        rows: rows with the columns `protocol`, `variant`, `setting` and `steps`.
        study: gives each variant's number of steps at test time; if it is not recorded, the
            largest number measured is used.
        steps: one number for all variants; None: each variant's own.

    Returns:
        The selected rows, in their order.
    """
    if steps is not None:
        return rows[rows["steps"] == steps]
    keys = ["protocol", "variant", "setting"]
    selected = pd.Series(0, rows.index)
    for key, own in rows.groupby(keys, observed=True):
        recorded = study.test_steps(*map(str, key))
        selected[own.index] = own["steps"].max() if recorded is None else recorded
    return rows[rows["steps"] == selected]


def common_steps(measured: Iterable[Set[int]], own: Iterable[int]) -> int | None:
    """The largest step count that all methods were measured after, within each one's own number.

    Args:
        measured: for each method, the step counts it was measured after.
        own: for each method, the step count of its protocol.

    Returns:
        The step count, or None if there is none.
    """
    sets = [set(steps) for steps in measured]
    shared = set.intersection(*sets) if sets else set()
    limit = min(own, default=None)
    return max((steps for steps in shared if limit is None or steps <= limit), default=None)


def validated(rows: pd.DataFrame) -> pd.DataFrame:
    """Validation accuracy of variants at their best checkpoints, averaged over seeds, best first.

    Args:
        rows: rows of the table `training` on validation tasks.

    Returns:
        A row for each protocol, variant, training data set and setting; the column `validation` is
        the accuracy, a fraction.
    """
    names = ["protocol", "variant", "train_dataset", "setting"]
    keys = [*names, "way", "shot"]
    best = rows.astype(dict.fromkeys(names, str)).groupby([*keys, "seed"])["accuracy"].max()
    means = best.groupby(keys, sort=False).mean().rename("validation").reset_index()
    return means.sort_values("validation", ascending=False, kind="stable")


def one_checkpoint(rows: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """The rows of each model's preferred checkpoint, in the order of `CHECKPOINTS`.

    Args:
        rows: rows of the table `accuracy`.
        place: columns that say which model was tested on what.

    Raises:
        SchemaError: a task was measured more than once.
    """
    rank = rows["checkpoint"].astype(str).map(CHECKPOINTS.index)
    keys = [rows[column] for column in (*place, "seed")]
    rows = rows[rank == rank.groupby(keys, observed=True).transform("min")]
    twice = rows.duplicated([*place, "seed", "episode"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise SchemaError(
            f"table 'accuracy': task {row['episode']} of {row['variant']} on {row['eval_dataset']} "
            "was measured more than once; do rows differ in steps or BatchNorm mode?"
        )
    return rows
