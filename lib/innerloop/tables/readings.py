"""What claims are about: each quantity as values by task, or by seed where only seeds repeat it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from innerloop.errors import ComparisonError
from innerloop.tables.claims import Selection
from innerloop.tables.comparability import METHODS_MAY_DIFFER, Protocol, protocol_of
from innerloop.tables.evidence import Evidence
from innerloop.tables.inner_steps import common_steps
from innerloop.tables.layers import BODY
from innerloop.tables.prototypes import changes


@dataclass(frozen=True)
class Values:
    """Measured values of one selection.

    Attributes:
        frame: a row a task (its episode) and a column a seed; where only seeds repeat the
            measurement, a row a seed and one column.
        protocol: under which protocol they were measured.
    """

    frame: pd.DataFrame
    protocol: Protocol


@dataclass(frozen=True)
class Quantity:
    """A quantity that claims are about.

    Attributes:
        title: what it is called.
        unit: of its values and of margins.
        replicate: what repeats it: `tasks` or `seeds`.
        digits: decimals worth printing.
        read: its values.
        reads: the table it is read from.
        may_differ: protocol columns in which two variants may differ and be compared.
    """

    title: str
    unit: str
    replicate: str
    digits: int
    read: Callable[[Selection, Evidence], Values]
    reads: str
    may_differ: frozenset[str] = frozenset()


def values_of(selection: Selection, evidence: Evidence) -> Values:
    """The values of a selection; an empty frame where the study has none."""
    return QUANTITIES[selection.quantity].read(selection, evidence)


def at_common_steps(
    of: Selection, against: Selection, evidence: Evidence
) -> tuple[Selection, Selection]:
    """Both selections after the step count that they share, where their own counts differ.

    Only CKA is measured after several step counts; elsewhere steps are part of the method.
    """
    if of.quantity != "cka" or of.variant == against.variant:
        return of, against
    sides = (of, against)
    steps = common_steps(
        (set(_cka_rows(side, evidence)["steps"].unique()) for side in sides),
        (own for side in sides if (own := _own_steps(side, evidence)) is not None),
    )
    return replace(of, steps=steps), replace(against, steps=steps)


def _where(selection: Selection, evidence: Evidence, *, tested: bool = True) -> dict[str, object]:
    study = evidence.study
    found: dict[str, object] = {
        "protocol": selection.protocol,
        "variant": selection.variant,
        "train_dataset": study.in_role(selection.trained_on),
        "setting": selection.setting,
    }
    if tested:
        found |= {"eval_dataset": study.in_role(selection.tested_on), "split": "test"}
    return found


def _accuracy(selection: Selection, evidence: Evidence) -> Values:
    rows = evidence.rows("accuracy", checkpoint="best", **_where(selection, evidence))
    return Values(100 * _by_task(rows, "accuracy"), protocol_of(rows))


def _cka(selection: Selection, evidence: Evidence) -> Values:
    rows = _cka_rows(selection, evidence)
    steps = _own_steps(selection, evidence) if selection.steps is None else selection.steps
    if steps is not None:
        rows = rows[rows["steps"] == steps]
    if selection.layer == "body":
        found = [_by_task(rows[rows["layer"] == layer], "similarity") for layer in BODY]
        return Values(sum(found[1:], found[0]) / len(found), protocol_of(rows))
    rows = rows[rows["layer"] == selection.layer]
    return Values(_by_task(rows, "similarity"), protocol_of(rows))


def _cka_rows(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    rows = evidence.rows(
        "cka",
        estimator=selection.estimator,
        checkpoint="last" if selection.at is None else "named",
        **_where(selection, evidence),
    )
    return rows if selection.at is None else _nearest(rows, selection.at)


def _own_steps(selection: Selection, evidence: Evidence) -> int | None:
    return evidence.study.test_steps(selection.protocol, selection.variant, selection.setting)


def _weight_norm(selection: Selection, evidence: Evidence) -> Values:
    return Values(_log_norm(selection, evidence, selection.at or 0.0), {})


def _weight_norm_growth(selection: Selection, evidence: Evidence) -> Values:
    end = _log_norm(selection, evidence, 1.0 if selection.at is None else selection.at)
    return Values(end - _log_norm(selection, evidence, selection.start), {})


def _log_norm(selection: Selection, evidence: Evidence, at: float) -> pd.DataFrame:
    # a difference of 100 ln is a change in percent, the same up as down
    rows = evidence.rows(
        "weight_norm", layer=selection.layer, **_where(selection, evidence, tested=False)
    )
    rows = _nearest(rows, at)
    return _by_seed(rows.assign(value=100 * np.log(rows["norm"])), "value")


def _negative_step_sizes(selection: Selection, evidence: Evidence) -> Values:
    rows = _step_sizes(selection, evidence)
    counted = rows.assign(negative=rows["share_negative"] * rows["count"])
    sums = counted.groupby("seed")[["negative", "count"]].sum()
    return Values((100 * sums["negative"] / sums["count"]).to_frame("value"), {})


def _mean_step_size(selection: Selection, evidence: Evidence) -> Values:
    return Values(_by_seed(_step_sizes(selection, evidence), "mean"), {})


def _step_sizes(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    """Rows of the weights' step sizes at the end of training, as P2's Table 1 has them."""
    layer = {} if selection.layer == "all" else {"layer": selection.layer}
    where = _where(selection, evidence, tested=False)
    return _nearest(evidence.rows("step_size", parameter="weight", **layer, **where), 1.0)


def _prototype_accuracy(selection: Selection, evidence: Evidence) -> Values:
    rows = evidence.rows("protonet", condition=selection.condition, **_where(selection, evidence))
    return Values(100 * _by_task(rows, "accuracy"), protocol_of(rows))


def _prototype_change(selection: Selection, evidence: Evidence) -> Values:
    rows = evidence.rows("protonet", **_where(selection, evidence))
    found = {
        seed: 100 * changes(own)[selection.condition]
        for seed, own in rows.groupby("seed", observed=True)
    }
    return Values(pd.DataFrame(found), protocol_of(rows))


def _toy_accuracy(selection: Selection, evidence: Evidence) -> Values:
    rows = evidence.rows(
        "toy",
        arm=selection.variant,
        dataset=evidence.study.in_role(selection.trained_on),
        split="test",
    )
    last = rows[rows["epoch"] == rows["epoch"].max()]
    grouped = last.groupby("seed", observed=True)["accuracy"]
    # a seed that diverged at one step size has no mean over all of them
    over_step_sizes = grouped.mean().where(grouped.count() == grouped.size())
    return Values(100 * over_step_sizes.to_frame("value"), {})


def _by_task(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """A row an episode, a column a seed."""
    twice = rows.duplicated(["seed", "episode"])
    if twice.any():
        mixed = {name: found for name, found in protocol_of(rows).items() if len(found) > 1}
        column, found = next(iter(mixed.items()), ("episode", ()))
        raise ComparisonError(
            f"cannot average rows of unequal protocol: {column} is {', '.join(map(str, found))}"
        )
    indexed: pd.Series[float] = rows.set_index(["episode", "seed"])[value]
    return pd.DataFrame(indexed.unstack("seed"))  # noqa: PD010


def _by_seed(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    return rows.set_index("seed")[value].to_frame("value")


def _nearest(rows: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """The rows of the iteration nearest to a fraction of training."""
    if rows.empty:
        return rows
    wanted = fraction * rows["iteration"].max()
    distance = (rows["iteration"] - wanted).abs()
    # of two iterations at the same distance the earlier
    nearest = rows["iteration"][distance == distance.min()].min()
    found: pd.DataFrame = rows[rows["iteration"] == nearest]
    return found


QUANTITIES: Mapping[str, Quantity] = {
    "accuracy": Quantity(
        "accuracy", "points", "tasks", 1, _accuracy, "accuracy", METHODS_MAY_DIFFER
    ),
    "cka": Quantity("CKA", "", "tasks", 3, _cka, "cka"),
    "weight_norm": Quantity("weight norm", "%", "seeds", 1, _weight_norm, "weight_norm"),
    "weight_norm_growth": Quantity(
        "growth of the weight norm", "%", "seeds", 1, _weight_norm_growth, "weight_norm"
    ),
    "negative_step_sizes": Quantity(
        "share of negative step sizes", "%", "seeds", 1, _negative_step_sizes, "step_size"
    ),
    "mean_step_size": Quantity("mean step size", "", "seeds", 4, _mean_step_size, "step_size"),
    "prototype_accuracy": Quantity(
        "prototype accuracy", "points", "tasks", 2, _prototype_accuracy, "protonet"
    ),
    "prototype_change": Quantity(
        "change of prototype accuracy", "points", "tasks", 2, _prototype_change, "protonet"
    ),
    "toy_accuracy": Quantity("toy accuracy", "points", "seeds", 2, _toy_accuracy, "toy"),
}
