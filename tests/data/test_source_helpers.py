"""What the sources share: splits by hash, placement, printing, word lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from innerloop.data.catalogue import ClassEntry, check_catalogue
from innerloop.data.sources.backdrops import Backdrops
from innerloop.data.sources.drawing import LEAST_CONTRAST, LUMINANCE, Placement, print_dark_on_light
from innerloop.data.sources.hash_split import hash_order, hash_split
from innerloop.data.sources.package_files import only_file
from innerloop.data.sources.word_list import read_word_list
from innerloop.runtime.errors import DataError

names = st.lists(st.text(min_size=1), unique=True, max_size=30)
seeds = st.integers(0, 2**32 - 1)


@given(names, st.data())
def test_split_deals_out_every_name_in_the_sizes_asked_for(names, data):
    train = data.draw(st.integers(0, len(names)))
    val = data.draw(st.integers(0, len(names) - train))
    sizes = (train, val, len(names) - train - val)
    split = hash_split(names, "salt", sizes)
    assert set(split) == set(names)
    found = list(split.values())
    assert tuple(found.count(part) for part in ("train", "val", "test")) == sizes


@given(names, st.data())
def test_order_keeps_the_others_in_place_when_a_name_goes(names, data):
    gone = data.draw(st.sampled_from(names)) if names else None
    left = [name for name in names if name != gone]
    assert [name for name in hash_order(names, "salt") if name != gone] == hash_order(left, "salt")


@given(st.permutations([f"class {k}" for k in range(12)]))
def test_order_does_not_depend_on_the_order_given(names):
    assert hash_order(names, "a") == hash_order(sorted(names), "a")


def test_another_salt_is_another_order():
    names = [f"class {k}" for k in range(12)]
    assert hash_order(names, "a") != hash_order(names, "b")


def test_split_refuses_another_number_of_names():
    with pytest.raises(DataError, match=r"'birds': found 3 names to split, expected 4 \(2/1/1\)"):
        hash_split(["a", "b", "c"], "birds", (2, 1, 1))


@given(seeds)
def test_placed_drawing_has_the_size_and_the_place_asked_for(seed):
    placement = Placement(scale=(0.5, 0.5), rotation=0, shear=0, shift=0.1)
    square = Image.new("L", (40, 20), 255)
    placed = np.asarray(placement.place(square, 60, np.random.RandomState(seed))) > 127
    rows, columns = np.nonzero(placed)
    assert np.ptp(columns) + 1 == pytest.approx(30, abs=1)
    assert np.ptp(rows) + 1 == pytest.approx(15, abs=1)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((30, 30), abs=6.6)


def test_placement_turns_as_far_as_it_may():
    placement = Placement(scale=(0.8, 0.8), rotation=25, shear=0, shift=0)
    bar = Image.new("L", (80, 2), 255)
    random = np.random.RandomState(0)
    angles = []
    for _ in range(60):
        rows, columns = np.nonzero(np.asarray(placement.place(bar, 100, random)) > 60)
        angles.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))
    assert -26 < min(angles) < -20
    assert 20 < max(angles) < 26


@given(seeds)
def test_ink_is_darker_than_paper(seed):
    mask = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    paper, ink = np.asarray(print_dark_on_light(mask, np.random.RandomState(seed)))[0].astype(float)
    assert (paper - ink) @ LUMINANCE > LEAST_CONTRAST - 1  # colours are cut to whole numbers


def test_backdrops_are_different_photographic_crops():
    backdrops, random = Backdrops(), np.random.RandomState(0)
    crops = np.stack([np.asarray(backdrops.crop(16, random)) for _ in range(20)])
    assert crops.shape == (20, 16, 16, 3)
    assert len(np.unique(crops.reshape(20, -1), axis=0)) == 20


def test_word_list(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("# comment\n\nbed: bed bunk\nbell\nbus: bus  # not a coach\n", encoding="utf-8")
    assert read_word_list(file) == {"bed": "bed bunk", "bell": "bell", "bus": "bus"}


def test_word_list_refuses_a_name_twice(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("bed\nbell\nbed: bunk\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3: 'bed' is listed twice"):
        read_word_list(file)


def test_only_file(tmp_path):
    (tmp_path / "icons-1.0.ttf").touch()
    assert only_file(tmp_path, "icons-*.ttf").name == "icons-1.0.ttf"
    (tmp_path / "icons-2.0.ttf").touch()
    with pytest.raises(DataError, match=r"found icons-1.0.ttf, icons-2.0.ttf"):
        only_file(tmp_path, "icons-*.ttf")


class TestCatalogue:
    def test_a_class_may_be_in_several_splits(self):
        check_catalogue([ClassEntry("a", "train", 3), ClassEntry("a", "test", 1)], "digits")

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ([], "data set 'birds' has no classes"),
            ([ClassEntry("wren", "dev", 3)], "class 'wren': unknown split 'dev'"),
            ([ClassEntry("wren", "val", 0)], "class 'wren': has 0 images in split 'val'"),
            ([ClassEntry("wren", "val", 1)] * 2, "'wren' is listed 2 times in split 'val'"),
        ],
    )
    def test_refuses(self, entries, message):
        with pytest.raises(DataError, match=message):
            check_catalogue(entries, "birds")
