"""The values of every quantity: by task, or by seed if it is measured once per training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from innerloop.measurements.class_shares import class_shares
from innerloop.measurements.comparability import Protocol, protocol_of, require_comparable
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import BODY, HEAD, layers_in_order
from innerloop.measurements.selection import (
    after_steps,
    at_end,
    at_fraction,
    common_steps,
    time_of,
    validated,
)
from innerloop.measurements.step_sizes import learned
from innerloop.papers.claims import FRACTIONS, Comparison, Selection
from innerloop.papers.interventions import differences
from innerloop.papers.prototypes import changes_by_training
from innerloop.papers.quantities import QUANTITIES
from innerloop.runtime.errors import ComparisonError
from innerloop.specs.interventions import OF_A_LAYER
from innerloop.stats.winner import by_training

#: Claims request one layer after another of the same one or two models: select their rows once.
_LAYER_BY_LAYER = lru_cache(maxsize=8)


@dataclass(frozen=True)
class Values:
    """Measured values of one selection.

    Attributes:
        frame: a row per task (its episode) and a column per seed; if there is one value per
            training, a row per seed and one column.
        protocol: the protocol that they were measured under.
    """

    frame: pd.DataFrame
    protocol: Protocol


def values_of(selection: Selection, evidence: Evidence) -> Values:
    """The values of a selection; an empty frame if the study has none."""
    return READERS[selection.quantity](selection, evidence)


def at_best_points(comparison: Comparison, evidence: Evidence) -> Comparison:
    """The comparison, with each variant that has a grid replaced by its best in validation."""
    return _each_side(comparison, lambda side: _at_best_point(side, evidence))


def _each_side(comparison: Comparison, change: Callable[[Selection], Selection]) -> Comparison:
    against = comparison.against and change(comparison.against)
    return replace(comparison, of=change(comparison.of), against=against)


def _at_best_point(selection: Selection, evidence: Evidence) -> Selection:
    study, place = evidence.study, (selection.protocol, selection.variant)
    grids = (one for one in study.sweeps if one.choose and (one.protocol, one.name) == place)
    if (grid := next(grids, None)) is None:
        return selection
    where = {**_where(selection, evidence, tested=False), "variant": [*grid.points]}
    best_first = validated(evidence.rows("training", split="val", **where))
    return replace(selection, variant=next(iter(best_first["variant"]), selection.variant))


def at_measured_times(comparison: Comparison, evidence: Evidence) -> Comparison:
    """The comparison, with each fraction of training replaced by the nearest that was measured."""
    return _each_side(comparison, lambda side: _at_measured_times(side, evidence))


def _at_measured_times(selection: Selection, evidence: Evidence) -> Selection:
    asked = FRACTIONS & QUANTITIES[selection.quantity].takes
    fractions = {key: value for key in asked if (value := getattr(selection, key)) is not None}
    if not fractions:
        return selection
    rows, length = _along_training(_timeless(_at_best_point(selection, evidence)), evidence)
    if rows.empty or not length:
        return selection
    times = {
        key: at_fraction(rows, value, length)[time_of(rows)] for key, value in fractions.items()
    }
    found: dict[str, Any] = {key: float(time.iloc[0] / length) for key, time in times.items()}
    return replace(selection, **found)


def at_common_steps(
    of: Selection, against: Selection, evidence: Evidence
) -> tuple[Selection, Selection]:
    """Both selections after a number of inner steps that they share, if their own numbers differ.

    Only CKA is measured after several numbers of steps; otherwise steps are part of the method.
    """
    if not QUANTITIES[of.quantity].is_cka or of.variant == against.variant:
        return of, against
    sides = (of, against)
    steps = common_steps(
        (_measured_steps(side, evidence) for side in sides),
        (own for side in sides if (own := _own_steps(side, evidence)) is not None),
    )
    return replace(of, steps=steps), replace(against, steps=steps)


def shares_of_sides(
    sides: Sequence[Selection], episodes: pd.Index[int], protocol: Protocol, evidence: Evidence
) -> NDArray[np.float64] | None:
    """The share of each class in the tasks that one or two sides were measured on, [N, C].

    None if there are too few classes to generalise from, or they are not known.
    """
    study, (way, *_) = evidence.study, protocol.get("way", (0,))
    dataset, conditions = study.in_role(sides[0].tested_on), [side.condition for side in sides]
    return class_shares(study, dataset, "test", way, episodes, conditions)


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


def accuracy(selection: Selection, evidence: Evidence) -> Values:
    """Accuracy of the best checkpoint, in percent."""
    rows = evidence.rows("accuracy", checkpoint="best", **_where(selection, evidence))
    return Values(100 * _by_task(rows, "accuracy"), protocol_of(rows))


def cka(selection: Selection, evidence: Evidence) -> Values:
    """CKA of a layer, or the mean of the conv layers, after the selected inner steps.

    For the quantity `own_cka`, the layer alone is adapted and its input is as before.
    """
    rows = _after_steps(replace(selection, layer=""), evidence)
    if selection.layer == "body":
        body = [layer for layer in layers_in_order(rows["layer"]) if layer != HEAD] or BODY
        found = [_by_task(rows[rows["layer"] == layer], "similarity") for layer in body]
        return Values(sum(found[1:], found[0]) / len(found), protocol_of(rows))
    rows = rows[rows["layer"] == selection.layer]
    return Values(_by_task(rows, "similarity"), protocol_of(rows))


@_LAYER_BY_LAYER
def _after_steps(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    """Rows of all layers."""
    rows = _cka_rows(replace(selection, steps=None), evidence)
    return after_steps(rows, evidence.study, selection.steps)


@_LAYER_BY_LAYER
def _cka_rows(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    """Rows of all layers, after all inner steps."""
    if selection.at is not None:
        return _at(selection, selection.at, evidence)
    own = {"change": "own"} if selection.quantity == "own_cka" else {}
    return evidence.rows(
        QUANTITIES[selection.quantity].reads,
        estimator=selection.estimator,
        checkpoint="last",
        **_where(selection, evidence),
        **own,
    )


def _at(selection: Selection, fraction: float, evidence: Evidence) -> pd.DataFrame:
    rows, length = _along_training(_timeless(selection), evidence)
    return at_fraction(rows, fraction, length)


def _timeless(selection: Selection) -> Selection:
    """The selection of all layers at all times."""
    return replace(selection, layer="", at=None, start=0.0)


@_LAYER_BY_LAYER
def _along_training(selection: Selection, evidence: Evidence) -> tuple[pd.DataFrame, int]:
    """Rows of all layers at every time that was measured, and the length of the trainings."""
    reads = QUANTITIES[selection.quantity].reads
    if reads == "toy":
        size = {} if selection.step_size is None else {"step_size": selection.step_size}
        dataset = evidence.study.in_role(selection.trained_on)
        rows = evidence.rows(reads, arm=selection.variant, dataset=dataset, split="test", **size)
    else:
        tested = reads == "cka"
        options = {"estimator": selection.estimator, "checkpoint": ["last", "named"]}
        where = _where(selection, evidence, tested=tested)
        rows = evidence.rows(reads, **where, **(options if tested else {}))
    length = 0 if rows.empty else int(rows[time_of(rows)].max())
    # the end of training need not be among the checkpoints that were kept
    return rows[rows["checkpoint"] == "named"] if "checkpoint" in rows else rows, length


def _measured_steps(selection: Selection, evidence: Evidence) -> set[int]:
    return set(_cka_rows(replace(selection, layer="", steps=None), evidence)["steps"].unique())


def _own_steps(selection: Selection, evidence: Evidence) -> int | None:
    return evidence.study.test_steps(selection.protocol, selection.variant, selection.setting)


def weight_norm(selection: Selection, evidence: Evidence) -> Values:
    """100 ln of the weight norm, so that differences are percent, the same up as down."""
    return Values(_log_norm(selection, evidence, selection.at or 0.0), {})


def weight_norm_growth(selection: Selection, evidence: Evidence) -> Values:
    """How much the weight norm grew between two fractions of training, in percent."""
    end = _log_norm(selection, evidence, 1.0 if selection.at is None else selection.at)
    return Values(end - _log_norm(selection, evidence, selection.start), {})


def _log_norm(selection: Selection, evidence: Evidence, at: float) -> pd.DataFrame:
    rows = _at(selection, at, evidence)
    rows = rows[rows["layer"] == selection.layer]
    return _by_seed(rows.assign(value=100 * np.log(rows["norm"])), "value")


def negative_step_sizes(selection: Selection, evidence: Evidence) -> Values:
    """Share of learned step sizes below zero at the end of training, in percent."""
    rows = _step_sizes(selection, evidence)
    counted = rows.assign(negative=rows["share_negative"] * rows["count"])
    sums = counted.groupby("seed")[["negative", "count"]].sum()
    return Values((100 * sums["negative"] / sums["count"]).to_frame("value"), {})


def mean_step_size(selection: Selection, evidence: Evidence) -> Values:
    """Mean of the learned step sizes at the end of training."""
    return Values(_by_seed(_step_sizes(selection, evidence), "mean"), {})


def _step_sizes(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    """Rows of the weights' step sizes at the end of training, as P2's Table 1 has them."""
    layer = {} if selection.layer == "all" else {"layer": selection.layer}
    where = _where(selection, evidence, tested=False)
    return at_end(learned(evidence.rows("step_size", parameter="weight", **layer, **where)))


def prototype_accuracy(selection: Selection, evidence: Evidence) -> Values:
    """Nearest-prototype accuracy under one condition, in percent."""
    rows = evidence.rows("protonet", condition=selection.condition, **_where(selection, evidence))
    return Values(100 * _by_task(rows, "accuracy"), protocol_of(rows))


def prototype_change(selection: Selection, evidence: Evidence) -> Values:
    """Change of nearest-prototype accuracy by adaptation, in percentage points."""
    rows = evidence.rows("protonet", **_where(selection, evidence))
    return Values(100 * changes_by_training(rows)[selection.condition], protocol_of(rows))


def intervention_accuracy(selection: Selection, evidence: Evidence) -> Values:
    """Accuracy of the last iteration under an intervention, in percent."""
    rows = _intervention(selection, evidence)
    return Values(100 * _by_task(rows, "accuracy"), protocol_of(rows))


def intervention_change(selection: Selection, evidence: Evidence) -> Values:
    """Change of that accuracy from where everything adapts, in percentage points."""
    rows = _intervention(selection, evidence)
    return Values(-100 * _by_task(rows, "worth"), protocol_of(rows))


def _intervention(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    rows = _interventions(replace(selection, quantity="", condition="", layer=""), evidence)
    layer = selection.layer if selection.condition in OF_A_LAYER else ""
    return rows[(rows["intervention"] == selection.condition) & (rows["layer"] == layer)]


@_LAYER_BY_LAYER
def _interventions(selection: Selection, evidence: Evidence) -> pd.DataFrame:
    """Rows of all interventions."""
    return differences(evidence, checkpoint="last", **_where(selection, evidence))


def probe(selection: Selection, evidence: Evidence) -> Values:
    """Values of a probe of the study's own, in one layer or, without a layer, of the network.

    Raises:
        ComparisonError: the probe has values of other layers only.
    """
    rows = evidence.rows(selection.probe, **_where(selection, evidence))
    layers = layers_in_order(rows["layer"])
    if layers and selection.layer not in layers:
        asked, *known = (layer or "the network" for layer in (selection.layer, *layers))
        raise ComparisonError(
            f"probe '{selection.probe}' has no values of {asked}; it has those of "
            f"{', '.join(known)}"
        )
    rows = rows[rows["layer"] == selection.layer]
    return Values(_by_task(rows, "value"), protocol_of(rows))


def toy_accuracy(selection: Selection, evidence: Evidence) -> Values:
    """Test accuracy of the toy at one step size, or the mean over all, in percent."""
    rows = _at(selection, 1.0 if selection.at is None else selection.at, evidence)
    grouped = rows.groupby("seed", observed=True)["accuracy"]
    # a seed that diverged at any step size has no mean over all
    mean = grouped.mean().where(grouped.count() == grouped.size())
    return Values(100 * mean.to_frame("value"), {})


#: The function that reads each quantity.
READERS: Mapping[str, Callable[[Selection, Evidence], Values]] = {
    "own_cka": cka,
    **{
        read.__name__: read
        for read in (
            *(accuracy, cka, weight_norm, weight_norm_growth, negative_step_sizes),
            *(mean_step_size, prototype_accuracy, prototype_change),
            *(intervention_accuracy, intervention_change, probe, toy_accuracy),
        )
    },
}


def _by_task(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """A row per episode, a column per seed.

    Raises:
        ComparisonError: a task has several values.
    """
    if rows.duplicated(["seed", "episode"]).any():
        protocol = protocol_of(rows)
        require_comparable(protocol, protocol)
        raise ComparisonError("a task has several values, which differ in metric or iteration")
    return by_training(rows, value)


def _by_seed(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    return rows.set_index("seed")[value].to_frame("value")
