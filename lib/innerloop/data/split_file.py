"""A CSV file that puts every class of a data set in a split."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from innerloop.data.catalogue import SPLITS
from innerloop.runtime.errors import DataError


@dataclass(frozen=True)
class SplitRow:
    """One line of the file."""

    name: str
    split: str
    superclass: str


def read_split_file(path: Path) -> list[SplitRow]:
    """The lines of a CSV file with the columns class, split and, optionally, superclass.

    Raises:
        DataError: the file cannot be read, lacks a column, names an unknown split, or names a
            class twice.
    """
    try:
        # utf-8-sig: spreadsheets like to begin the file with a byte-order mark
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns, records = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot read the splits ({error})") from error
    for column in ("class", "split"):
        if column not in columns:
            raise DataError(
                f"{path}: there is no column '{column}'; expected the columns class,split and, if "
                f"there are superclasses, superclass; found {','.join(columns) or 'none'}"
            )
    rows = [
        SplitRow(
            *(composed((record.get(key) or "").strip()) for key in ("class", "split", "superclass"))
        )
        for record in records
    ]
    for row in rows:
        if not row.name or not row.name.isprintable():
            raise DataError(
                f"{path}: a class is called {row.name!r}; expected one line per class, and its "
                "name without control characters"
            )
        if row.split not in SPLITS:
            raise DataError(
                f"{path}: class '{row.name}' has the unknown split '{row.split}'; expected one of "
                f"{', '.join(SPLITS)}"
            )
    if not rows:
        raise DataError(f"{path}: it lists no class")
    if twice := [name for name, times in Counter(row.name for row in rows).items() if times > 1]:
        raise DataError(f"{path}: listed more than once: {shortened(twice)}")
    return rows


def composed(name: str) -> str:
    """A name with its letters composed (NFC): macOS decomposes them, text hardly ever does."""
    return unicodedata.normalize("NFC", name)


def shortened(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
