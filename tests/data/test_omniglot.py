"""Omniglot: characters as classes, alphabets kept whole, and drawings that two archives have."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

import miniatures
from innerloop.data.acquire.fetch import Ways, fetch
from innerloop.data.acquire.registry import read_registry
from innerloop.data.catalogue import ClassEntry
from innerloop.data.licence import Licence
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.data.sources.omniglot import Omniglot, OmniglotSmall
from innerloop.runtime.errors import DataError

SMALL = Path(__file__).parents[3] / "shared/images/omniglot_small"
LATER = [f"Alphabet_{number}" for number in range(7)]


def drawing(shade: int) -> bytes:
    content = io.BytesIO()
    Image.new("1", (105, 105), shade % 2).save(content, "PNG")
    return content.getvalue()


def archive(folder: Path, name: str, *alphabets: str) -> Path:
    """Two characters of each alphabet, three drawings of each, and what a Mac leaves."""
    members = {
        f"{name}/{alphabet}/character0{character}/{character:04}_0{person}.png": drawing(person)
        for alphabet in alphabets
        for character in (1, 2)
        for person in (1, 2, 3)
    }
    junk = {f"__MACOSX/{name}/{alphabets[0]}/character01/._0001_01.png": b"Mac OS X"}
    return miniatures.write_zip(folder / f"{name}.zip", members | junk)


def fetched(folder: Path, *archives: Path, **images: int) -> FetchedFiles:
    files = {path.name: path for path in archives}
    return FetchedFiles(images, Licence("MIT", "", ""), files, None, {}, folder / "unpacked")


def assert_alphabets_are_whole(entries: list[ClassEntry]) -> None:
    """Each in one split, also those that both small sets have."""
    placed = {(entry.superclass, entry.split) for entry in entries}
    alphabets = Counter(alphabet for alphabet, _ in placed)
    assert {"Greek", "Latin"} <= alphabets.keys()
    assert {*alphabets.values()} == {1}


def test_the_evaluation_set_is_tested_on_and_five_other_alphabets_validate(tmp_path: Path) -> None:
    background = archive(tmp_path, "images_background", *LATER)
    evaluation = archive(tmp_path, "images_evaluation", "Tibetan", "Angelic")
    made = Omniglot(fetched(tmp_path, background, evaluation, train=12, val=30, test=12))
    entries = made.catalogue()
    assert Counter(entry.split for entry in entries) == {"train": 4, "val": 10, "test": 4}
    assert {e.superclass for e in entries if e.split == "test"} == {"Tibetan", "Angelic"}
    splits = {(entry.superclass, entry.split) for entry in entries}
    assert len(splits) == len({alphabet for alphabet, _ in splits}) == 9
    assert len([*made.pictures()]) == sum(entry.count for entry in entries) == 54
    assert made.picture(0).mode == "RGB"


def test_what_both_small_sets_have_is_read_once(tmp_path: Path) -> None:
    one = archive(tmp_path, "images_background_small1", "Greek", "Latin", "Korean")
    two = archive(tmp_path, "images_background_small2", "Greek", "Latin", "Tagalog", "Sanskrit")
    made = OmniglotSmall(fetched(tmp_path, one, two, train=6, val=12, test=12))
    entries = made.catalogue()
    assert Counter(entry.count for entry in entries) == {3: 10}
    assert_alphabets_are_whole(entries)


def test_another_number_of_drawings_is_refused(tmp_path: Path) -> None:
    one = archive(tmp_path, "images_background_small1", *LATER[:5])
    with pytest.raises(DataError, match="6/12/12 drawings in train/val/test, expected 7/12/12"):
        OmniglotSmall(fetched(tmp_path, one, train=7, val=12, test=12)).catalogue()


@pytest.mark.skipif(not SMALL.is_dir(), reason="there is no ../shared/images")
def test_the_published_small_sets(tmp_path: Path) -> None:
    registry = read_registry()
    variant = registry.variant("omniglot", "small")
    ways = Ways(data_root=str(SMALL))
    fetch(registry.collections[variant.collection], tmp_path, ways)
    made = OmniglotSmall(FetchedFiles.read(tmp_path / "fetched.json", variant.images))
    entries = made.catalogue()
    assert_alphabets_are_whole(entries)
    assert {entry.count for entry in entries} == {20}
    alphabets = {split: {e.superclass for e in entries if e.split == split} for split in
                 ("train", "val", "test")}  # fmt: skip
    assert {split: len(names) for split, names in alphabets.items()} == {
        **{"train": 4, "val": 2, "test": 2}
    }
    assert Counter(entry.split for entry in entries) == {"train": 133, "val": 66, "test": 43}
