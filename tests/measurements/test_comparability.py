"""Rows of unequal protocol are refused, and the column is named."""

from __future__ import annotations

import pandas as pd
import pytest

from innerloop.measurements.comparability import (
    IDENTITY,
    PROTOCOL,
    differences,
    protocol_of,
    require_comparable,
)
from innerloop.measurements.schemas import SCHEMAS
from innerloop.runtime.errors import ComparisonError

ROW = {"way": 5, "shot": 1, "setting": "5w1s", "eval_dataset": "cub", "split": "test"}
ROW |= {"checkpoint": "best", "steps": 10, "queries": 15, "batch_norm": "batch", "accuracy": 0.5}


def rows(**other):
    return pd.DataFrame([{**ROW, **other}] * 3)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("queries", 5),
        ("steps", 6),
        ("batch_norm", "support"),
        ("checkpoint", "last"),
        ("split", "val"),
        ("eval_dataset", "fc100"),
        ("shot", 5),
    ],
)
def test_the_differing_column_is_named(column, value):
    with pytest.raises(ComparisonError, match=f"{column} is .*{value}"):
        require_comparable(protocol_of(rows()), protocol_of(rows(**{column: value})))


def test_what_the_comparison_is_about_may_differ():
    require_comparable(protocol_of(rows()), protocol_of(rows(steps=6)), may_differ={"steps"})
    require_comparable(protocol_of(rows()), protocol_of(rows()))


def test_mixed_rows_cannot_be_averaged():
    mixed = pd.concat([rows(), rows(queries=5)])
    with pytest.raises(ComparisonError, match=r"average .* queries is 15, 5|5, 15"):
        require_comparable(protocol_of(mixed), protocol_of(mixed))


def test_differences_say_what_stands_on_either_side():
    assert differences(protocol_of(rows()), protocol_of(rows(queries=5))) == {"queries": "15 and 5"}


def test_every_column_that_says_how_was_measured_is_protocol():
    table = set(SCHEMAS["accuracy"].names) - {"accuracy", "loss"}
    assert set(PROTOCOL) == table - IDENTITY
