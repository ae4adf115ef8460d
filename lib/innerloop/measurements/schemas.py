"""The declared schema of every measurement table: one row is one measurement.

A schema is a `pyarrow.Schema` whose fields carry documentation, unit, allowed values and range as
metadata, so the Parquet files document themselves. Every table is made by `conform`, which turns
records into the declared columns and types, or says which column is wrong. NaN in a column of real
numbers means that the quantity is not defined, such as the accuracy on a task on which adaptation
diverged; readers count it as missing. `KEYS` lists the columns that identify a row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from innerloop.runtime.errors import SchemaError
from innerloop.specs.interventions import MEANINGS

ALLOWED: dict[str, frozenset[str]] = {
    "split": frozenset({"train", "val", "test"}),
    "checkpoint": frozenset({"best", "last", "named", "none"}),
    "batch_norm": frozenset({"batch", "support", "none"}),
    "estimator": frozenset({"biased", "debiased"}),
    "change": frozenset({"own", "inherited"}),
    "measure": frozenset({"cka", "procrustes", "neighbours"}),
    "pairing": frozenset({"same", "shuffled", "two_trainings"}),
    "condition": frozenset({"pre_adaptation", "on_task", "pre_adaptation_off_task", "off_task"}),
    "intervention": frozenset(MEANINGS),
    "quantity": frozenset({"accuracy", "on_task", "off_task", "cka", "turn"}),
    "parameter": frozenset({"weight", "bias", "gamma", "beta"}),
    "arm": frozenset({"unit_norm", "scaled_lr"}),
}

#: The range of values that a unit allows.
RANGES: dict[str, tuple[float, float]] = {
    "fraction": (0, 1),
    "cosine": (-1, 1),
    "nats": (0, math.inf),
    "norm": (0, math.inf),
    "sd": (0, math.inf),
    "relative change": (0, math.inf),
}
#: How far rounding may exceed a range.
_ROUNDING = 1e-6


def _field(name: str, kind: pa.DataType, doc: str, unit: str = "") -> pa.Field:
    metadata = {"doc": doc, "unit": unit}
    if name in ALLOWED:
        metadata["allowed"] = ", ".join(sorted(ALLOWED[name]))
    if range_of(kind, unit):
        metadata["range"] = "{} to {}".format(*range_of(kind, unit))
    return pa.field(name, kind, nullable=False, metadata=metadata)


def range_of(kind: pa.DataType, unit: str) -> tuple[float, ...]:
    """The smallest and largest value of a column; empty if any number is allowed."""
    return (0, math.inf) if pa.types.is_integer(kind) else RANGES.get(unit, ())


def _text(name: str, doc: str) -> pa.Field:
    return _field(name, pa.string(), doc)


def _count(name: str, doc: str, unit: str = "1") -> pa.Field:
    return _field(name, pa.int64(), doc, unit)


def _real(name: str, doc: str, unit: str = "1") -> pa.Field:
    return _field(name, pa.float64(), doc, unit)


#: Columns that say which model a row belongs to.
MODEL = [
    _text("protocol", "protocol the model was trained under (p1, p2, or a user's own)"),
    _text("variant", "name of method + protocol + overrides; the unit that is trained"),
    _text("method", "method of the variant"),
    _text("train_dataset", "data set the model was trained on"),
    _text("train_store", "its images: variant of the source and pixels a side, as pickles-84"),
    _text("setting", "task size, for example 5w1s"),
    _count("way", "classes per task"),
    _count("shot", "support images per class"),
    _count("seed", "model seed"),
]

#: Columns that say under which protocol a row was measured; only rows that agree in all but
#: `comparability.IDENTITY` may be compared.
MEASURED = [
    _text("eval_dataset", "data set the measured tasks come from"),
    _text("eval_store", "its images: variant of the source and pixels a side, as pickles-84"),
    _text("split", "split the measured tasks come from"),
    _text("checkpoint", "which weights: best on validation, last, or a named iteration"),
    _count("iteration", "outer iteration of the weights", "iterations"),
    _count("steps", "inner steps taken before measuring", "inner steps"),
    _count("queries", "query images per class"),
    _text("batch_norm", "statistics BatchNorm used: of the batch at hand, or of the support"),
    _count("episode", "index of the task; the same index is the same task for every model"),
]

#: Columns measured on the query images of a task.
QUERY = [
    _real("accuracy", "share of query images classified correctly", "fraction"),
    _real("loss", "mean cross-entropy on the query images", "nats"),
]

SCHEMAS: dict[str, pa.Schema] = {
    "accuracy": pa.schema([*MODEL, *MEASURED, *QUERY]),
    "training": pa.schema(
        [
            *MODEL,
            _text("split", "train: the meta-batches since the last row; val: the fixed tasks"),
            _count("iteration", "outer iteration", "iterations"),
            _count("tasks", "tasks the row averages over"),
            _real("accuracy", "mean query accuracy after adaptation", "fraction"),
            _real("accuracy_sd", "standard deviation over the tasks", "fraction"),
            _real("loss", "mean query cross-entropy after adaptation", "nats"),
        ]
    ),
    "cka": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("layer", "conv1 ... conv4 (end of the block), head (logits)"),
            _text("estimator", "linear CKA: biased (the papers') or debiased (U-statistic)"),
            _real("similarity", "CKA between slow and fast activations; NaN: a constant layer"),
        ]
    ),
    "inner_steps": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("quantity", "accuracy; prototypes on_task and off_task; cka and turn of a layer"),
            _text("layer", "of cka and turn; empty: the whole network"),
            _real("value", "a fraction; debiased CKA to before; of turn radians in the last step"),
        ]
    ),
    "interventions": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("intervention", "what was changed of the adaptation"),
            _text("layer", "where it was changed; empty: in all layers"),
            _real("accuracy", "share of query images classified correctly", "fraction"),
        ]
    ),
    "other_settings": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("tested_setting", "size of the measured tasks, for example 5w5s"),
            _count("tested_way", "classes per measured task"),
            _count("tested_shot", "support images per class of a measured task"),
            *QUERY,
        ]
    ),
    "other_similarities": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("layer", "conv1 ... conv4 (end of the block), head (logits)"),
            _text("measure", "procrustes: up to rotation and scale; neighbours: who is near whom"),
            _count("neighbours", "nearest images that are compared; 0: by the other measures, all"),
            _text(
                "pairing",
                "same: slow and fast; shuffled: the images of one side, which is chance; "
                "two_trainings: slow, and slow of the variant's first training (debiased CKA, too)",
            ),
            _real("similarity", "of two sides' activations; NaN: a constant layer"),
        ]
    ),
    "own_change": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("layer", "conv1 ... conv4 (end of the block), head (logits)"),
            _text("change", "own: the layer alone is adapted; inherited: all but the layer"),
            _text("estimator", "linear CKA: biased (the papers') or debiased (U-statistic)"),
            _real("similarity", "CKA between slow and such activations; NaN: a constant layer"),
        ]
    ),
    "protonet": pa.schema(
        [
            *MODEL,
            *MEASURED,
            _text("condition", "when and where the prototypes were tried"),
            _real("accuracy", "nearest prototype by cosine similarity", "fraction"),
        ]
    ),
    "weight_norm": pa.schema(
        [
            *MODEL,
            _count("iteration", "outer iteration", "iterations"),
            _text("layer", "conv1 ... conv4, head"),
            _real("norm", "Frobenius norm of the layer's weight tensor", "norm"),
            _real(
                "effective_step_size",
                "step seen by the unit-norm weight (P1 eq. 3, 5); mean of the weights' own",
                "step size",
            ),
        ]
    ),
    "outer_step": pa.schema(
        [
            *MODEL,
            _count("iteration", "outer iteration that the step completes", "iterations"),
            _text("layer", "conv1 ... conv4, head"),
            _real("gradient_cosine", "between weight and outer gradient (0: orthogonal)", "cosine"),
            _real("radial_growth", "of the squared norm, by the optimiser's step along the weight"),
            _real(
                "tangential_growth", "of the squared norm, by the step across it", "relative change"
            ),
        ]
    ),
    "step_size": pa.schema(
        [
            *MODEL,
            _count("iteration", "outer iteration", "iterations"),
            _text("layer", "conv1 ... conv4, head"),
            _text("parameter", "which of the layer's parameters"),
            _count("count", "step sizes summarised"),
            _real("mean", "mean step size", "step size"),
            _real("sd", "standard deviation of the step sizes", "sd"),
            _real("share_negative", "share of step sizes below zero", "fraction"),
        ]
    ),
    "step_size_value": pa.schema(
        [
            *MODEL,
            _count("iteration", "outer iteration", "iterations"),
            _text("layer", "conv1 ... conv4, head"),
            _text("parameter", "which of the layer's parameters"),
            _count("step", "inner step that it holds for, from 1; 0: for all"),
            _real("value", "one learned step size", "step size"),
        ]
    ),
    "scale_invariance": pa.schema(
        [
            *MODEL,
            _count("iteration", "outer iteration of the weights", "iterations"),
            _text("layer", "conv1 ... conv4, head"),
            _real("scale", "factor the layer's weight was multiplied by"),
            _real("output_change", "of the logits (0: scale invariant)", "relative change"),
            _real("gradient_cosine", "between weight and loss gradient (0: orthogonal)", "cosine"),
        ]
    ),
    "toy": pa.schema(
        [
            _text("arm", "unit_norm or scaled_lr (P1 A.2)"),
            _text("dataset", "supervised data set"),
            _text("store", "its images: variant of the source and pixels a side, as python-32"),
            _real("step_size", "of SGD", "step size"),
            _count("seed", "model seed"),
            _count("epoch", "passes over the training images; 0: before training", "epochs"),
            _text("split", "images the row was measured on"),
            _count("images", "images measured"),
            _real("accuracy", "share classified correctly", "fraction"),
            _real("loss", "mean cross-entropy", "nats"),
        ]
    ),
}

#: The table of a user's own probe: any metric, any layer.
USER_PROBE = pa.schema(
    [
        *MODEL,
        *MEASURED,
        _text("layer", "layer the value belongs to; empty: the whole network"),
        _text("metric", "name of the measured quantity"),
        _real("value", "the measurement"),
    ]
)


_MODEL, _MEASURED = ([field.name for field in fields] for fields in (MODEL, MEASURED))

#: Columns that identify a row of each table. Single step sizes have no names, hence no key.
KEYS: dict[str, list[str]] = {
    "accuracy": [*_MODEL, *_MEASURED],
    "training": [*_MODEL, "split", "iteration"],
    "cka": [*_MODEL, *_MEASURED, "layer", "estimator"],
    "inner_steps": [*_MODEL, *_MEASURED, "quantity", "layer"],
    "interventions": [*_MODEL, *_MEASURED, "intervention", "layer"],
    "other_settings": [*_MODEL, *_MEASURED, "tested_setting"],
    "other_similarities": [*_MODEL, *_MEASURED, "layer", "measure", "neighbours", "pairing"],
    "own_change": [*_MODEL, *_MEASURED, "layer", "change", "estimator"],
    "protonet": [*_MODEL, *_MEASURED, "condition"],
    "weight_norm": [*_MODEL, "iteration", "layer"],
    "outer_step": [*_MODEL, "iteration", "layer"],
    "step_size": [*_MODEL, "iteration", "layer", "parameter"],
    "step_size_value": [],
    "scale_invariance": [*_MODEL, "iteration", "layer", "scale"],
    "toy": ["arm", "dataset", "store", "step_size", "seed", "epoch", "split"],
}
_USER_KEY = [*_MODEL, *_MEASURED, "layer", "metric"]


def schema_of(table: str) -> pa.Schema:
    """The schema of a built-in table, or the user-probe schema for any other name."""
    return SCHEMAS.get(table, USER_PROBE)


def conform(records: Iterable[Mapping[str, Any]], table: str, made_by: str = "") -> pa.Table:
    """Turn records into a table of the declared columns and types.

    Args:
        records: the rows.
        table: the table's name.
        made_by: the entry of the code that made them, for messages.

    Raises:
        SchemaError: a column is missing or unknown, or has the wrong type or a value that is not
            allowed; or two rows have the same key.
    """
    schema = schema_of(table)
    where = f"table '{table}', made by {made_by}" if made_by else f"table '{table}'"
    rows = list(records)
    expected = set(schema.names)
    for row in rows:
        if row.keys() != expected:
            missing, extra = sorted(expected - row.keys()), sorted(row.keys() - expected)
            faults = [("lacks the columns", missing), ("has the unknown columns", extra)]
            said = " and ".join(f"{what} {names}" for what, names in faults if names)
            raise SchemaError(f"{where}: a row {said}; expected exactly {schema.names}")
    try:
        built = pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaError(f"{where}: {error}") from error
    for field in schema:
        column = built.column(field.name)
        if column.null_count:
            raise SchemaError(f"{where}: column '{field.name}' has empty values")
        if field.name in ALLOWED:
            unknown = set(column.unique().to_pylist()) - ALLOWED[field.name]
            if unknown:
                raise SchemaError(
                    f"{where}: column '{field.name}' holds {sorted(unknown)}; "
                    f"allowed are {sorted(ALLOWED[field.name])}"
                )
        _check_range(table, field, column)
    require_unique(built, table, where)
    return built


def require_unique(rows: pa.Table, table: str, where: str) -> None:
    """Raise an error if two rows of a table have the same key.

    Args:
        rows: rows of the table.
        table: the table's name.
        where: the start of the message.

    Raises:
        SchemaError: naming the first repeated row.
    """
    key = KEYS.get(table, _USER_KEY)
    if not key:
        return
    counted = rows.group_by(key, use_threads=False).aggregate([([], "count_all")])
    if counted.num_rows == rows.num_rows:
        return
    twice = counted.filter(pc.greater(counted.column("count_all"), 1))
    first = ", ".join(f"{name} {value}" for name, value in twice.select(key).to_pylist()[0].items())
    raise SchemaError(
        f"{where}: {rows.num_rows - counted.num_rows} rows repeat others, which would count twice "
        f"in means and intervals; the first: {first}"
    )


def _check_range(table: str, field: pa.Field, column: pa.ChunkedArray) -> None:
    allowed = range_of(field.type, field.metadata[b"unit"].decode())
    if not allowed:
        return
    low, high = allowed
    found = pc.min_max(column.filter(pc.invert(pc.is_nan(column.cast(pa.float64()))))).as_py()
    for value in found.values():
        if value is not None and not low - _ROUNDING <= value <= high + _ROUNDING:
            raise SchemaError(
                f"table '{table}': column '{field.name}' holds {value}; expected {low} to {high}"
            )
