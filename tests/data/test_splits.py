"""Splits: the source's own, or a CSV of the study's, and what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import tiny
from innerloop.data.acquire.registry import read_registry
from innerloop.data.splits import (
    read_split,
    require_supervised,
    split_digest,
    split_of,
    split_table,
)
from innerloop.runtime.built_in import FEW_SHOT, SOURCES
from innerloop.runtime.errors import DataError
from innerloop.runtime.extensions import load_entry


def write_csv(path: Path, chosen: dict[str, str], header: str = "class,split") -> str:
    path.write_text(
        "\n".join([header, *(f"{name},{split}" for name, split in chosen.items())]),
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture
def own() -> dict[str, str]:
    """Another division of the same classes: what was train is now test, and the reverse."""
    turned = {"train": "test", "test": "train", "val": "val"}
    return {row.name: turned[row.split] for row in tiny.store().classes}


def test_the_source_s_own_split(tmp_path: Path) -> None:
    from_file = read_split(tiny.write_splits(tmp_path / "splits.parquet"), "val")
    from_store = split_of(tiny.store(), "val")
    assert from_file.names == from_store.names == [f"val{number}" for number in range(6)]
    assert from_file.rows()[0].tolist() == from_store.rows()[0].tolist()


def test_a_study_s_own_split(tmp_path: Path, own: dict[str, str]) -> None:
    table = split_table("patterns", tiny.store().classes, write_csv(tmp_path / "own.csv", own))
    assert {row["name"]: row["split"] for row in table.to_pylist()} == own


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(DataError, match="no split 'validation'; it has test, train, val"):
        split_of(tiny.store(), "validation")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train0": None}, "does not say the split of train0"),
        ({"train99": "train"}, "names classes that are not in the data set: train99"),
        ({"train0": "training"}, "class 'train0' has the unknown split 'training'"),
        ({"train0\0": "train"}, r"a class is called 'train0\\x00'; expected one line per class"),
    ],
)
def test_a_split_file_must_fit(
    tmp_path: Path, own: dict[str, str], change: dict[str, str | None], message: str
) -> None:
    own.update({name: split for name, split in change.items() if split is not None})
    for name, split in change.items():
        if split is None:
            del own[name]
    path = write_csv(tmp_path / "own.csv", own)
    with pytest.raises(DataError, match=message):
        split_table("patterns", tiny.store().classes, path)


def test_a_split_file_needs_its_columns(tmp_path: Path, own: dict[str, str]) -> None:
    path = write_csv(tmp_path / "own.csv", own, header="name,part")
    with pytest.raises(DataError, match="there is no column 'class'"):
        split_table("patterns", tiny.store().classes, path)
    with pytest.raises(DataError, match="cannot read the splits"):
        split_table("patterns", tiny.store().classes, str(tmp_path / "nowhere.csv"))


def test_the_digest_follows_the_rows(tmp_path: Path, own: dict[str, str]) -> None:
    first = tiny.write_splits(tmp_path / "splits.parquet")
    table = split_table("patterns", tiny.store().classes, write_csv(tmp_path / "own.csv", own))
    pq.write_table(table, tmp_path / "own.parquet")
    assert split_digest(first) == split_digest(tiny.write_splits(tmp_path / "again.parquet"))
    assert split_digest(first) != split_digest(tmp_path / "own.parquet")


def test_few_shot_splits_are_not_supervised(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="for few-shot learning"):
        require_supervised(tiny.write_splits(tmp_path / "splits.parquet"))


def test_sets_that_are_known_to_be_few_shot_are():
    registry = read_registry()
    for name in registry.variants:
        assert ("val" in registry.variant(name).images) == (name in FEW_SHOT)
    assert {*SOURCES, *registry.variants} - FEW_SHOT == {"digits", "cifar10"}
    classes = Counter(row.name for row in load_entry(SOURCES["digits"]).catalogue())
    assert min(classes.values()) > 1
