"""The published split lists in the package; split_lists/README.md gives their origins."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from innerloop.data.split_file import SplitRow, shortened
from innerloop.runtime.errors import DataError


def read_split_list(path: Path, name: str, superclass: str = "") -> list[SplitRow]:
    """The classes of a list, in its order.

    Args:
        path: the CSV file.
        name: its column with the classes' names.
        superclass: its column with their superclasses, if it has one.
    """
    return [
        SplitRow(row[name], row["split"], row[superclass] if superclass else "")
        for row in read_rows(path)
    ]


def read_rows(path: Path, columns: Sequence[str] = ()) -> Iterable[dict[str, str]]:
    """The lines of a CSV file, gzipped or not, by their columns.

    Raises:
        DataError: it cannot be read, or lacks one of the columns.
    """
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    rows = csv.DictReader(text.splitlines())
    if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
        raise DataError(f"{path}: there is no column {', '.join(missing)}")
    return rows


def require_same(found: Iterable[str], listed: Iterable[str], place: str, what: str) -> None:
    """Refuse names that are not exactly those of a split list.

    Args:
        found: the names that there are.
        listed: the names that there must be.
        place: where they were found, for the message.
        what: what has these names, such as `classes`, for the message.

    Raises:
        DataError: some are missing, or there are others.
    """
    known, there = set(listed), set(found)
    if missing := sorted(known - there):
        raise DataError(
            f"{place}: {len(missing)} {what} missing: {shortened(missing)}; the files are "
            "incomplete: fetch them again"
        )
    if extra := sorted(there - known):
        raise DataError(
            f"{place}: {len(extra)} {what} that the split list does not have: {shortened(extra)}; "
            "it is another data set, or files were added: use the published files"
        )
