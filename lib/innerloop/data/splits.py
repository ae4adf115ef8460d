"""Splits: which classes of an image store belong to train, val and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from innerloop.data.image_store import ClassRows, ImageStore, places_of_shared
from innerloop.data.split_file import composed, read_split_file, shortened
from innerloop.runtime.errors import DataError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.provenance import read_table

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
    """The classes of one split; class k has the rows firsts[k] ... firsts[k] + counts[k] - 1."""

    dataset: str
    name: str
    names: list[str] = field(repr=False)
    firsts: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)

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
    return _split(read_table(path).to_pylist(), name, place=str(path))


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


def require_supervised(path: Path | str) -> None:
    """Refuse a few-shot data set where the same classes must be trained and tested on.

    Raises:
        DataError: the train and test splits do not hold the same classes.
    """
    train, test = read_split(path, "train"), read_split(path, "test")
    if train.names != test.names:
        raise DataError(
            f"data set '{train.dataset}' is for few-shot learning: its train split has "
            f"{len(train.names)} classes and its test split has {len(test.names)} others; the toy "
            "needs a supervised data set such as digits, with every class in both"
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
    chosen = None if own_split is None else _chosen_splits(Path(own_split), classes)
    rows = [
        {
            "dataset": dataset,
            "split": entry.split if chosen is None else chosen[composed(entry.name)],
            "name": entry.name,
            "superclass": entry.superclass,
            "first": entry.first,
            "count": entry.count,
        }
        for entry in classes
    ]
    return pa.Table.from_pylist(rows, schema=SPLIT_SCHEMA)


def equal_images(store: ImageStore, splits: pa.Table) -> dict[str, int]:
    """Count a store's images: all, distinct, in several splits, in several classes of a split.

    Args:
        store: the images.
        splits: the split of its classes, by `split_table`.
    """
    split_of = {row["first"]: row["split"] for row in splits.to_pylist()}
    return {
        "images": len(store.images),
        "distinct": int(store.manifest.get("distinct", len(store.images))),
        **places_of_shared(store.manifest.get("shared", []), split_of),
    }


def _chosen_splits(path: Path, classes: Sequence[ClassRows]) -> dict[str, str]:
    chosen = {row.name: row.split for row in read_split_file(path)}
    names = {composed(entry.name) for entry in classes}
    if missing := sorted(names - chosen.keys()):
        raise DataError(f"{path} does not say the split of {shortened(missing)}")
    if unknown := sorted(chosen.keys() - names):
        raise DataError(f"{path} names classes that are not in the data set: {shortened(unknown)}")
    return chosen


def split_digest(path: Path | str) -> str:
    """SHA-256 of the rows of a `splits.parquet`."""
    return hashlib.sha256(canonical_json(read_table(path).to_pylist()).encode()).hexdigest()
