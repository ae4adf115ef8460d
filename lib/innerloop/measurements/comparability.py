"""Only rows that were measured under the same protocol may be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from innerloop.measurements.schemas import MEASURED, MODEL
from innerloop.runtime.errors import ComparisonError

#: Columns that say which model and task a row belongs to; all other shared columns are protocol.
IDENTITY = frozenset(
    {"protocol", "variant", "method", "train_dataset", "seed", "iteration", "episode"}
)
PROTOCOL = tuple(field.name for field in (*MODEL, *MEASURED) if field.name not in IDENTITY)

Protocol = Mapping[str, tuple[Any, ...]]


def protocol_of(rows: pd.DataFrame) -> Protocol:
    """Each protocol column of some rows, with the values that occur in it."""
    return {
        column: tuple(sorted(rows[column].unique(), key=str))
        for column in PROTOCOL
        if column in rows
    }


def differences(a: Protocol, b: Protocol, may_differ: Collection[str] = ()) -> dict[str, str]:
    """The columns in which two protocols differ, each with the values on both sides."""
    return {
        column: f"{_shown(a[column])} and {_shown(b[column])}"
        for column in PROTOCOL
        if column in a and column in b and column not in may_differ and a[column] != b[column]
    }


def require_comparable(a: Protocol, b: Protocol, may_differ: Collection[str] = ()) -> None:
    """Raise an error unless two sets of rows were measured under the same protocol.

    Args:
        a: `protocol_of` the first set.
        b: `protocol_of` the second set.
        may_differ: columns that may differ, because the comparison is about them.

    Raises:
        ComparisonError: a column differs, or has several values within one side.
    """
    for column, values in (*a.items(), *b.items()):
        if len(values) > 1 and column not in may_differ:
            raise ComparisonError(
                f"cannot average rows of unequal protocol: {column} is {_shown(values)}"
            )
    found = differences(a, b, may_differ)
    if found:
        shown = "; ".join(f"{column} is {values}" for column, values in found.items())
        raise ComparisonError(f"cannot compare rows of unequal protocol: {shown}")


def _shown(values: tuple[Any, ...]) -> str:
    return ", ".join(map(str, values)) or "nothing"
