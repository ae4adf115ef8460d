"""The quantities of claims and published numbers: their tables, and the keys that select rows.

Snakemake reads this file while it parses the workflow, so nothing heavy is imported here.
readings.py reads the values, under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from innerloop.measurements.described_study import METHODS_MAY_DIFFER
from innerloop.specs.interventions import MEANINGS


@dataclass(frozen=True)
class Quantity:
    """A quantity that claims are about.

    Attributes:
        title: its name in tables; empty: that of the probe that a claim names.
        unit: unit of its values and of margins.
        replicate: what it is measured repeatedly over: `tasks` or `seeds`.
        digits: decimals to print.
        reads: the table it is read from; empty: that probe's.
        takes: keys of a selection that it depends on, besides variant, data sets and setting.
        conditions: values of the key `condition`, if it takes that key.
        may_differ: protocol columns in which two variants may differ and be compared.
        is_cka: whether it is measured by both estimators of CKA, and after several inner steps.
        of_choice: whether its probe is optional: without it, claims on it are left out.
    """

    title: str
    unit: str
    replicate: str
    digits: int
    reads: str
    takes: frozenset[str] = frozenset()
    conditions: tuple[str, ...] = ()
    may_differ: frozenset[str] = frozenset()
    is_cka: bool = False
    of_choice: bool = False


#: Metrics of published numbers: how `metric` in `published.csv` begins.
METRICS = {
    "accuracy": "accuracy (%)",
    "step_size_mean": "mean step size",
    "step_size_sd": "sd of step sizes",
    "protonet_off_task_minus_pre": "off-task − before (points)",
    "protonet_relative_change_p_value": "p of d between the models",
}

_LAYER, _CONDITION = frozenset({"layer"}), frozenset({"condition"})
_WHEN = ("pre_adaptation", "on_task", "pre_adaptation_off_task", "off_task")
_CHANGE = ("on_task", "off_task", "relative")
#: What the two quantities of interventions share: unit, table and keys.
_INTERVENTION = ("points", "tasks", 1, "interventions", _CONDITION | _LAYER)

QUANTITIES: Mapping[str, Quantity] = {
    "accuracy": Quantity(
        "accuracy", "points", "tasks", 1, "accuracy", may_differ=METHODS_MAY_DIFFER
    ),
    "cka": Quantity("CKA", "", "tasks", 3, "cka", _LAYER | {"at", "steps"}, is_cka=True),
    "own_cka": Quantity(
        *("CKA by its own change", "", "tasks", 3, "own_change", _LAYER | {"steps"}),
        is_cka=True,
        of_choice=True,
    ),
    "weight_norm": Quantity("weight norm", "%", "seeds", 1, "weight_norm", _LAYER | {"at"}),
    "weight_norm_growth": Quantity(
        "growth of the weight norm", "%", "seeds", 1, "weight_norm", _LAYER | {"start", "at"}
    ),
    "negative_step_sizes": Quantity(
        "share of negative step sizes", "%", "seeds", 1, "step_size", _LAYER
    ),
    "mean_step_size": Quantity("mean step size", "", "seeds", 4, "step_size", _LAYER),
    "prototype_accuracy": Quantity(
        "prototype accuracy", "points", "tasks", 2, "protonet", _CONDITION, _WHEN
    ),
    "prototype_change": Quantity(
        "change of prototype accuracy", "points", "tasks", 2, "protonet", _CONDITION, _CHANGE
    ),
    "intervention_accuracy": Quantity(
        *("accuracy", *_INTERVENTION, tuple(MEANINGS), METHODS_MAY_DIFFER), of_choice=True
    ),
    "intervention_change": Quantity(
        *("change of accuracy", *_INTERVENTION, tuple(MEANINGS)[1:], METHODS_MAY_DIFFER),
        of_choice=True,
    ),
    "probe": Quantity(
        *("", "", "tasks", 3, "", _LAYER | {"probe"}),
        may_differ=METHODS_MAY_DIFFER,
        of_choice=True,
    ),
    "toy_accuracy": Quantity(
        "toy accuracy", "points", "seeds", 2, "toy", frozenset({"step_size", "at"})
    ),
}
