"""Splits: which classes of an image store belong to train, val and test."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from innerloop.data.image_store import ClassRows, ImageStore
from innerloop.errors import DataError

SPLITS = ("train", "val", "test")

SPLIT_SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("split", pa.string()),
        ("name", pa.string()),
        ("superclass", pa.string()),
        ("first", pa.int64()),
        ("count", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Split:
    """The classes of one split; class k's images are the rows firsts[k] ... + counts[k] - 1."""

    dataset: str
    name: str
    names: list[str]
    firsts: np.ndarray
    counts: np.ndarray

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Every image row of the split and its class number, in order."""
        rows = [
            np.arange(first, first + count)
            for first, count in zip(self.firsts, self.counts, strict=True)
        ]
        return np.concatenate(rows), np.repeat(np.arange(len(self.counts)), self.counts)


def read_split(path: Path | str, name: str) -> Split:
    """One split of a `splits.parquet`.

    Raises:
        DataError: the data set has no such split.
    """
    return _split(pq.read_table(path).to_pylist(), name, place=str(path))


def split_of(store: ImageStore, name: str) -> Split:
    """One split of an image store, as its source divides it.

    Raises:
        DataError: the data set has no such split.
    """
    table = split_table(store.dataset, store.classes, None)
    return _split(table.to_pylist(), name, place=f"data set '{store.dataset}'")


def _split(rows: Sequence[Mapping[str, Any]], name: str, place: str) -> Split:
    chosen = [row for row in rows if row["split"] == name]
    if not chosen:
        known = sorted({row["split"] for row in rows})
        raise DataError(f"{place}: there is no split '{name}'; it has {', '.join(known)}")
    return Split(
        dataset=chosen[0]["dataset"],
        name=name,
        names=[row["name"] for row in chosen],
        firsts=np.array([row["first"] for row in chosen]),
        counts=np.array([row["count"] for row in chosen]),
    )


def split_table(dataset: str, classes: Sequence[ClassRows], own_split: str | None) -> pa.Table:
    """The split of a data set: its source's own, or a CSV's with the columns class and split.

    Args:
        dataset: name of the data set.
        classes: the class table of its image store.
        own_split: path of the CSV, if the study has one.

    Raises:
        DataError: the CSV lacks a class, names an unknown one or an unknown split.
    """
    chosen = None if own_split is None else _read_split_csv(Path(own_split), classes)
    rows = [
        {
            "dataset": dataset,
            "split": entry.split if chosen is None else chosen[entry.name],
            "name": entry.name,
            "superclass": entry.superclass,
            "first": entry.first,
            "count": entry.count,
        }
        for entry in classes
    ]
    return pa.Table.from_pylist(rows, schema=SPLIT_SCHEMA)


def _read_split_csv(path: Path, classes: Sequence[ClassRows]) -> dict[str, str]:
    try:
        with path.open(newline="") as file:
            chosen = {row["class"]: row["split"] for row in csv.DictReader(file)}
    except FileNotFoundError as error:
        raise DataError(f"there is no split file {path}") from error
    except KeyError as error:
        raise DataError(f"{path}: expected the columns class and split") from error
    names = {entry.name for entry in classes}
    problems = {
        "does not say the split of": sorted(names - chosen.keys()),
        "names classes that are not in the data set:": sorted(chosen.keys() - names),
        "has splits other than train, val, test:": sorted(set(chosen.values()) - set(SPLITS)),
    }
    for problem, found in problems.items():
        if found:
            raise DataError(f"{path} {problem} {', '.join(found[:10])}")
    return chosen
