"""Every table has a declared schema, and only what fits it becomes a table."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from innerloop.measurements.schemas import (
    ALLOWED,
    KEYS,
    SCHEMAS,
    USER_PROBE,
    conform,
    require_unique,
)
from innerloop.runtime.errors import SchemaError

TABLES = {**SCHEMAS, "users_probe": USER_PROBE}
ROW = {"protocol": "p1", "variant": "maml", "method": "maml", "train_dataset": "a"}
ROW |= {"setting": "5w1s", "way": 5, "shot": 1, "seed": 0, "eval_dataset": "a", "split": "test"}
ROW |= {"checkpoint": "best", "iteration": 10, "steps": 5, "queries": 15, "batch_norm": "batch"}
ROW |= {"episode": 0, "accuracy": 0.5, "loss": 1.2}
#: What other columns of the model or protocol hold, should there be more of them.
FILL = {pa.string(): "a", pa.int64(): 1, pa.float64(): 0.5}


def row(**other):
    schema = SCHEMAS["accuracy"]
    more = {field.name: FILL[field.type] for field in schema if field.name not in ROW}
    return {**more, **ROW, **other}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_documented(table):
    for field in TABLES[table]:
        assert len(field.metadata[b"doc"]) > 3, field.name
        assert field.metadata[b"unit"] or pa.types.is_string(field.type), field.name
        assert not field.nullable
        if field.name in ALLOWED:
            assert field.metadata[b"allowed"]


def test_documentation_survives_in_the_table():
    field = conform([row()], "accuracy").schema.field("accuracy")
    assert field.metadata[b"unit"] == b"fraction"
    assert field.metadata[b"range"] == b"0 to 1"


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"accuracy": 1.5}, "'accuracy' holds 1.5; expected 0 to 1"),
        ({"accuracy": -0.1}, "'accuracy' holds -0.1"),
        ({"loss": -1.0}, "'loss'"),
        ({"seed": -1}, "'seed' holds -1"),
        ({"split": "tets"}, "tets.*allowed are"),
        ({"checkpoint": "first"}, "checkpoint"),
        ({"way": "five"}, "five"),
        ({"split": None}, "'split' has empty values"),
        ({"colour": "red"}, "unknown columns .'colour'"),
    ],
)
def test_what_does_not_fit_is_named(other, named):
    with pytest.raises(SchemaError, match=named):
        conform([row(), row(**other)], "accuracy")


def test_a_missing_column_is_named():
    with pytest.raises(SchemaError, match=r"a row lacks the columns .'loss'.; expected"):
        conform([{key: value for key, value in row().items() if key != "loss"}], "accuracy")


def test_nan_is_kept_for_whoever_counts_it():
    table = conform([row(accuracy=math.nan), row(loss=math.inf, episode=1)], "accuracy")
    assert math.isnan(table["accuracy"][0].as_py())


def test_rounding_is_no_error():
    assert conform([row(accuracy=1 + 1e-9)], "accuracy").num_rows == 1


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_table_says_what_is_measured_once(table):
    """Rows that differ in any column of the key are two measurements, others are one twice."""
    schema, key = SCHEMAS[table], KEYS[table]
    other = {pa.string(): "b", pa.int64(): 2, pa.float64(): 0.25}
    first = {field.name: FILL[field.type] for field in schema}
    for field in schema:
        second = {**first, field.name: other[field.type]}
        rows = pa.Table.from_pylist([first, second], schema)
        if field.name in key or not key:
            require_unique(rows, table, table)
        else:
            with pytest.raises(SchemaError, match="1 rows repeat others"):
                require_unique(rows, table, table)


def test_a_user_s_metric_is_measured_once_per_task_and_layer():
    row = {field.name: FILL[field.type] for field in USER_PROBE} | {"split": "test"}
    row |= {"checkpoint": "last", "batch_norm": "batch"}
    assert conform([row, {**row, "metric": "other"}], "mine").num_rows == 2
    with pytest.raises(SchemaError, match="table 'mine': 1 rows repeat others"):
        conform([row, {**row, "value": 2.0}], "mine")
