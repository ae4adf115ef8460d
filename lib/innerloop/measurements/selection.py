"""Which of a table's rows are meant: decided here for figures, published numbers, claims, compare.

Rows are of one model in one place where they agree in `MODEL`. Of these a table may hold several
iterations, checkpoints and inner steps; each has one function below.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.runtime.errors import SchemaError

#: Columns that say which training a row is of: a meta-trained model's, or one of the toy's.
MODEL = (
    *("protocol", "variant", "train_dataset", "setting"),
    *("arm", "dataset", "step_size", "seed"),
)

#: Accuracy is that of the best checkpoint; a baseline has only its own.
CHECKPOINTS = ["best", "none", "last"]


def at_fraction(rows: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """Each training's rows at the iteration or epoch nearest to a fraction of it.

    Of two at the same distance the earlier is meant. Trainings may be of different lengths.
    """
    if rows.empty:
        return rows
    time = "iteration" if "iteration" in rows else "epoch"
    keys = [name for name in MODEL if name in rows]
    training = rows.groupby(keys, observed=True, dropna=False, sort=False).ngroup()
    end = rows[time].groupby(training).transform("max")
    distance = (rows[time] - fraction * end).abs()
    least = distance.groupby(training).transform("min")
    chosen = rows[time].where(distance == least).groupby(training).transform("min")
    return rows[rows[time] == chosen]


def at_end(rows: pd.DataFrame) -> pd.DataFrame:
    """Each training's rows at its last iteration or epoch."""
    return at_fraction(rows, 1.0)


def after_steps(
    rows: pd.DataFrame, study: DescribedStudy, steps: int | None = None
) -> pd.DataFrame:
    """The rows measured after some inner steps, or after each variant's own number of them.

    Args:
        rows: with the columns `protocol`, `variant`, `setting` and `steps`.
        study: which says how many steps a variant takes at test time; where it does not, the
            most that were measured are meant.
        steps: the same number for all variants.

    Returns:
        Some of the rows, in their order.
    """
    if steps is not None:
        return rows[rows["steps"] == steps]
    keys = ["protocol", "variant", "setting"]
    meant = pd.Series(0, rows.index)
    for key, own in rows.groupby(keys, observed=True):
        said = study.test_steps(*map(str, key))
        meant[own.index] = own["steps"].max() if said is None else said
    return rows[rows["steps"] == meant]


def common_steps(measured: Iterable[Set[int]], own: Iterable[int]) -> int | None:
    """The largest step count that all were measured after and that none exceeds its own with.

    Args:
        measured: of each method, the step counts it was measured after.
        own: of each method, the step count of its protocol.

    Returns:
        None if there is none.
    """
    sets = [set(steps) for steps in measured]
    shared = set.intersection(*sets) if sets else set()
    limit = min(own, default=None)
    return max((steps for steps in shared if limit is None or steps <= limit), default=None)


def validated(rows: pd.DataFrame) -> pd.DataFrame:
    """Validation accuracy of variants at their best checkpoints, averaged over seeds, best first.

    Args:
        rows: of the table `training`, of validation tasks.

    Returns:
        A row per protocol, variant, data set trained on and setting: `validation`, a fraction.
    """
    names = ["protocol", "variant", "train_dataset", "setting"]
    keys = [*names, "way", "shot"]
    best = rows.astype(dict.fromkeys(names, str)).groupby([*keys, "seed"])["accuracy"].max()
    means = best.groupby(keys, sort=False).mean().rename("validation").reset_index()
    return means.sort_values("validation", ascending=False, kind="stable")


def one_checkpoint(rows: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """The rows of accuracy of each model's first checkpoint in the order of `CHECKPOINTS`.

    Args:
        rows: of the table `accuracy`.
        place: columns that say which model was tested where.

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
