"""The split lists: counts, disjointness, agreement with each other; the rules they come from."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from innerloop.data.acquire.registry import read_registry
from innerloop.data.sources import mini_imagenet_images as ravi
from innerloop.runtime.errors import DataError
from miniatures import LISTS, rows

MINI = rows("mini_imagenet_images.csv.gz")

LISTED = {
    "mini_imagenet_classes.csv": ("wnid", (64, 16, 20)),
    "cub_classes.csv": ("class_name", (100, 50, 50)),
    "fc100_classes.csv": ("fine_label_name", (60, 20, 20)),
    "cifar_fs_classes.csv": ("fine_label_name", (64, 16, 20)),
}


@pytest.mark.parametrize("name", LISTED)
def test_counts_and_no_class_twice(name):
    column, sizes = LISTED[name]
    listed = rows(name)
    counts = Counter(row["split"] for row in listed)
    assert tuple(counts[split] for split in ("train", "val", "test")) == sizes
    assert len({row[column] for row in listed}) == len(listed) == sum(sizes)
    dataset = name.removesuffix("_classes.csv")
    for variant in read_registry().variants[dataset].values():
        assert variant.classes == dict(zip(("train", "val", "test"), sizes, strict=True))


@pytest.mark.parametrize("name", [*LISTED, "mini_imagenet_images.csv"])
def test_every_list_s_source_is_stated(name):
    assert f"`{name}" in (LISTS / "README.md").read_text(encoding="utf-8")


def test_mini_imagenet_s_images():
    assert Counter(row["split"] for row in MINI) == {"train": 38400, "val": 9600, "test": 12000}
    assert set(Counter(row["label"] for row in MINI).values()) == {600}
    assert len({row["filename"] for row in MINI}) == 60_000
    classes = {(row["wnid"], row["split"]) for row in rows("mini_imagenet_classes.csv")}
    assert {(row["label"], row["split"]) for row in MINI} == classes
    assert all(row["filename"].startswith(row["label"]) for row in MINI)


@pytest.mark.parametrize(
    ("split", "sha256"),
    [
        ("train", "498519cd8e49ce97ed26a4a3638966698ae41ab35e9c68538319fc9b46ba7d2f"),
        ("val", "5658a59921ca027ee76af92949869c5d6f41d77592ff3b18db325a9d10c893b9"),
        ("test", "2b7cfa78342995761a572a8158e539bc4e0a80f9bbd7d00c1e17a460fbbb93fa"),
    ],
)
def test_mini_imagenet_s_images_are_the_published_files(split, sha256):
    lines = [f"{row['filename']},{row['label']}" for row in MINI if row["split"] == split]
    text = "\n".join(["filename,label", *lines]) + "\n"
    assert hashlib.sha256(text.encode()).hexdigest() == sha256


def test_cub_s_rule():
    listed = rows("cub_classes.csv")
    for place, row in enumerate(sorted(listed, key=lambda row: row["class_name"])):
        assert int(row["class_id"]) == place + 1
        assert row["split"] == ("train", "val", "train", "test")[place % 4]


def test_fc100_holds_out_whole_superclasses():
    splits = defaultdict(set)
    for row in rows("fc100_classes.csv"):
        splits[row["coarse_label_name"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(found.pop() for found in splits.values()) == {"train": 12, "val": 4, "test": 4}


def test_fc100_and_cifar_fs_are_the_same_classes():
    first, second = (
        {(row["fine_label_name"], row["coarse_label_name"]) for row in rows(name)}
        for name in ("fc100_classes.csv", "cifar_fs_classes.csv")
    )
    assert first == second


@pytest.fixture(scope="module")
def ilsvrc() -> dict[str, list[Path]]:
    """1,300 names a class with gaps between their numbers, in no order."""
    random = np.random.default_rng(0)
    found = {}
    for label in {row["label"] for row in MINI}:
        numbers = random.choice(30_000, 1300, replace=False)
        found[label] = [Path(label) / f"{label}_{number}.JPEG" for number in numbers]
    return found


class TestSortByNumber:
    """The number in a listed name counts a class's ILSVRC images, sorted by their own number."""

    def test_every_listed_image_is_found(self, ilsvrc):
        for label, paths in ilsvrc.items():
            ordered = ravi.sorted_by_number(paths, label)
            numbers = sorted(int(path.stem.partition("_")[2]) for path in paths)
            for row in (row for row in MINI if row["label"] == label):
                number = ravi.number_of(row["filename"])
                assert 1 <= number <= 1300
                assert ordered[number - 1].stem == f"{label}_{numbers[number - 1]}"

    def test_by_number_and_not_by_name(self):
        names = [Path(f"n01532829_{number}.JPEG") for number in (100, 20, 3)]
        assert ravi.sorted_by_number(names, "n01532829") == names[::-1]

    def test_copies_that_repeat_the_class(self):
        names = [Path(f"n01532829_{number}_n01532829.JPEG") for number in (7, 5)]
        assert ravi.sorted_by_number(names, "n01532829") == names[::-1]

    def test_other_files_do_not_count(self):
        names = ["._n01532829_1.JPEG", "n01532829_2.JPEG", "list.txt", "n01558993_3.JPEG"]
        found = ravi.sorted_by_number(map(Path, names), "n01532829")
        assert found == [Path("n01532829_2.JPEG")]

    def test_a_number_twice(self):
        names = [Path("n01532829_2.JPEG"), Path("n01532829_2_n01532829.JPEG")]
        with pytest.raises(DataError, match="another image has the number 2"):
            ravi.sorted_by_number(names, "n01532829")

    def test_a_listed_name_of_another_form(self):
        with pytest.raises(DataError, match=r"'bird\.jpg' is not a name"):
            ravi.number_of("bird.jpg")
