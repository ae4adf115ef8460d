"""The papers' data sets from miniatures of their files: contents, splits, and what is refused."""

from __future__ import annotations

import io
import pickle
import shutil
import tarfile
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import miniatures
from innerloop.data.acquire.fetch import Ways, fetch
from innerloop.data.acquire.registry import Registry, read_registry
from innerloop.data.build_images import build_images, resize
from innerloop.data.catalogue import check_catalogue
from innerloop.data.sources.base import IndexedSource
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.runtime.errors import DataError
from innerloop.runtime.extensions import load_entry

EACH = 4
TAR = {"mini_imagenet_tar": miniatures.mini_imagenet_tar}


@dataclass
class Place:
    """A folder of a user's own files, and where things are made of them."""

    folder: Path

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def source(self, dataset: str, variant: str | None, files, put: bool = True):
        """The source of a data set whose files are the user's own."""
        registry = self.registry(files)
        chosen = registry.variant(dataset, variant)
        raw = self.folder / "raw" / chosen.collection
        for name, content in files.get(chosen.collection, {}).items() if put else ():
            self.put(name, content)
        own = Ways(data_root=str(self.folder / "own"))
        fetch(registry.collections[chosen.collection], raw, own)
        return load_entry(chosen.source)(FetchedFiles.read(raw / "fetched.json", chosen.images))

    def registry(self, files) -> Registry:
        path = self.folder / "registry.toml"
        path.write_text(miniatures.registry_of(files, EACH, "http://127.0.0.1:9"), encoding="utf-8")
        read_registry.cache_clear()
        return read_registry(str(path))


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, bytes]]:
    """Every file, made once."""
    return {name: make(EACH) for name, make in {**miniatures.COLLECTIONS, **TAR}.items()}


SETS = [
    ("mini_imagenet", "pickles", (64, 16, 20)),
    ("mini_imagenet", "pickles_tar", (64, 16, 20)),
    ("cub", "centre", (100, 50, 50)),
    ("cub", "whole", (100, 50, 50)),
    ("fc100", None, (60, 20, 20)),
    ("cifar_fs", None, (64, 16, 20)),
]


@pytest.mark.parametrize(("dataset", "variant", "sizes"), SETS)
def test_few_shot_sets(place, files, dataset, variant, sizes):
    source = place.source(dataset, variant, files)
    assert isinstance(source, IndexedSource)
    catalogue = source.catalogue()
    check_catalogue(catalogue, dataset)
    counts = Counter(entry.split for entry in catalogue)
    assert tuple(counts[split] for split in ("train", "val", "test")) == sizes
    assert {entry.count for entry in catalogue} == {EACH}
    assert len({entry.name for entry in catalogue}) == sum(sizes)
    assert source.split_name
    assert source.licence.name
    pictures = list(source.pictures())
    assert len(pictures) == EACH * sum(sizes)
    for row in (0, EACH, len(pictures) - 1):
        assert source.picture(row).tobytes() == pictures[row].tobytes()


def built(place, source, dataset, size):
    return build_images(source, dataset, size, place.folder / "store", False, threads=2)


def test_mini_imagenet_s_pixels_are_in_their_class_and_order(place, files):
    store = built(place, place.source("mini_imagenet", None, files), "mini_imagenet", 84)
    for entry in store.classes:
        content = miniatures.mini_imagenet_content(entry.split, EACH)
        own = content["image_data"][content["class_dict"][entry.name]]
        found = store.images[entry.first : entry.first + entry.count]
        np.testing.assert_array_equal(found.transpose(0, 2, 3, 1), own)


def test_python_2_s_pickles_give_the_same_images(place, files):
    new, old = (
        place.source("mini_imagenet", variant, files) for variant in ("pickles", "pickles_tar")
    )
    assert [p.tobytes() for p in new.pictures()] == [p.tobytes() for p in old.pictures()]
    assert new.catalogue() == old.catalogue()


@pytest.mark.parametrize("dataset", ["fc100", "cifar_fs"])
def test_cifar_100_s_pixels_are_in_their_class(place, files, dataset):
    store = built(place, place.source(dataset, None, files), dataset, 32)
    names = sorted(row["fine_label_name"] for row in miniatures.rows("fc100_classes.csv"))
    for entry in store.classes:
        own = miniatures.pictures(2000 + names.index(entry.name), EACH, 32)
        found = store.images[entry.first : entry.first + entry.count].transpose(0, 2, 3, 1)
        assert {image.tobytes() for image in own} == {image.tobytes() for image in found}


def test_fc100_s_superclasses_are_not_shared_between_splits(place, files):
    splits: dict[str, set[str]] = {}
    for entry in place.source("fc100", None, files).catalogue():
        splits.setdefault(entry.superclass, set()).add(entry.split)
    assert len(splits) == 20
    assert all(len(found) == 1 for found in splits.values())


def test_cifar_10(place, files):
    source = place.source("cifar10", None, files)
    catalogue = source.catalogue()
    assert [entry.count for entry in catalogue] == [5 * EACH] * 10 + [EACH] * 10
    assert [e.name for e in catalogue[:10]] == [e.name for e in catalogue[10:]]
    store = built(place, source, "cifar10", 32)
    for entry in store.classes:
        number = [e.name for e in catalogue].index(entry.name)
        own = miniatures.pictures(3000 + number, 6 * EACH, 32)
        own = own[: 5 * EACH] if entry.split == "train" else own[5 * EACH :]
        found = store.images[entry.first : entry.first + entry.count].transpose(0, 2, 3, 1)
        assert {image.tobytes() for image in own} == {image.tobytes() for image in found}


def repacked(members: dict[str, bytes]) -> bytes:
    """CIFAR as others hand it on: Python 3's pickles in a zip of LZMA, without the other files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as zipped:
        for name, content in members.items():
            if not name.endswith(("~", ".html")):
                held = pickle.loads(content, encoding="latin1")
                zipped.writestr(name, pickle.dumps(held, protocol=4))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("dataset", "collection", "members"),
    [
        ("fc100", "cifar_100_python", miniatures.cifar100_members),
        ("cifar_fs", "cifar_100_python", miniatures.cifar100_members),
        ("cifar10", "cifar_10_python", miniatures.cifar10_members),
    ],
)
def test_cifar_repacked_is_the_same(tmp_path_factory, files, dataset, collection, members):
    packed = {collection: {"sample.zip": repacked(members(EACH))}}
    one, other = (
        Place(tmp_path_factory.mktemp("own")).source(dataset, None, each)
        for each in (packed, files)
    )
    assert one.catalogue() == other.catalogue()
    assert [p.tobytes() for p in one.pictures()] == [p.tobytes() for p in other.pictures()]


def test_cub_s_grey_and_cmyk_images_become_rgb(place, files):
    source = place.source("cub", None, files)
    members = miniatures.cub_members(EACH)
    modes = set()
    for row, file in enumerate(
        path for path in members if path.endswith(".jpg") and "._" not in path
    ):
        modes.add(Image.open(io.BytesIO(members[file])).mode)
        assert source.picture(row).mode == "RGB"
        if row > 3 * EACH:
            break
    assert modes == {"RGB", "L", "CMYK"}
    true = miniatures.pictures(1002, EACH, 48)[0][:36].astype(int)
    found = np.asarray(source.picture(2 * EACH), dtype=int)
    assert np.abs(found.mean(axis=(0, 1)) - true.mean(axis=(0, 1))).max() < 6  # not inverted


def test_cub_keeps_the_middle_of_its_pictures(place, files):
    centre, whole = (place.source("cub", variant, files) for variant in ("centre", "whole"))
    assert (centre.window, whole.window) == (84 / 96, 1)


def test_cub_s_classes_may_differ_in_size(place):
    """As its real ones do; its listing need not be sorted."""
    members = miniatures.cub_members(EACH)
    smaller, larger = "007.Parakeet_Auklet", "013.Bobolink"  # both of the same split
    moved = next(name for name in reversed(members) if f"/{smaller}/" in name)
    placed = f"CUB_200_2011/images/{larger}/Bobolink_9999_1.jpg"
    members[placed] = members.pop(moved)
    listing = members["CUB_200_2011/images.txt"].decode()
    paths = (name.removeprefix("CUB_200_2011/images/") for name in (moved, placed))
    members["CUB_200_2011/images.txt"] = listing.replace(*paths).encode()
    held = {"cub_200_2011": {"CUB_200_2011.tgz": miniatures.tar_gz(members)}}
    source = place.source("cub", None, held)
    store = built(place, source, "cub", 16)
    found = {entry.name: entry for entry in store.classes}
    assert (found[smaller].count, found[larger].count) == (EACH - 1, EACH + 1)
    firsts = np.cumsum([0, *(entry.count for entry in store.classes)])
    assert [entry.first for entry in store.classes] == [*firsts[:-1]]
    assert len(store.images) == firsts[-1] == 200 * EACH
    picture = resize(Image.open(io.BytesIO(members[placed])), 16, source.window)
    last = store.images[found[larger].first + EACH]
    np.testing.assert_array_equal(last.transpose(1, 2, 0), np.asarray(picture))


@pytest.mark.parametrize("dataset", ["cub", "fc100", "cifar10"])
def test_an_unpacked_folder_will_do(place, files, dataset):
    from_archive = place.source(dataset, None, files)
    before = [picture.tobytes() for picture in from_archive.pictures()]
    archive = next((place.folder / "own").iterdir())
    with tarfile.open(archive) as tar:
        tar.extractall(place.folder / "own", filter="data")
    archive.unlink()
    from_folder = place.source(dataset, None, files, put=False)
    assert from_folder.catalogue() == from_archive.catalogue()
    record = next((place.folder / "raw").glob("*/fetched.json"))
    kept = {"cub": "CUB_200_2011/", "fc100": "cifar-100-python/", "cifar10": "cifar-10-batches-py/"}
    origin = FetchedFiles.read(record, {}).origin
    assert origin == {kept[dataset]: {"origin": "own folder"}}
    assert [picture.tobytes() for picture in from_folder.pictures()] == before


def test_unpacking_is_done_once_for_all_sizes_and_sets(place, files):
    place.source("fc100", None, files).catalogue()
    work = next((place.folder / "raw/cifar_100_python").glob("unpacked-*"))
    before = (work / "cifar-100-python/train").stat().st_ino
    place.source("cifar_fs", None, files).catalogue()
    assert (work / "cifar-100-python/train").stat().st_ino == before


class TestRefusedPickles:
    """What hashes cannot know: a pickle with a good hash and another content."""

    def broken(self, place, change=lambda content: None, other=None) -> str:
        held = miniatures.mini_imagenet_pickles(EACH)
        content = miniatures.mini_imagenet_content("val", EACH)
        change(content)
        held["mini-imagenet-cache-validation.pkl"] = pickle.dumps(other or content, protocol=2)
        source = place.source("mini_imagenet", None, {"mini_imagenet_pickles": held})
        with pytest.raises(DataError, match=r"mini-imagenet-cache-validation\.pkl") as caught:
            source.catalogue()
        left = (place.folder / "raw/mini_imagenet_pickles").iterdir()
        assert not [path for path in left if "unpacked" in path.name]
        return str(caught.value)

    def test_a_class_is_missing(self, place):
        said = self.broken(place, lambda content: content["class_dict"].pop("n01855672"))
        assert "1 classes missing: n01855672" in said

    def test_a_class_too_many(self, place):
        said = self.broken(place, lambda content: content["class_dict"].update(n99999999=[0]))
        assert "1 classes that the split list does not have: n99999999" in said

    def test_too_few_images_of_a_class(self, place):
        said = self.broken(place, lambda content: content["class_dict"]["n01855672"].pop())
        assert f"class 'n01855672' has {EACH - 1} images, expected {EACH}" in said

    def test_too_few_images(self, place):
        def drop(content):
            content["image_data"] = content["image_data"][:-1]

        assert f"uint8 [{16 * EACH - 1}, 84, 84, 3], expected uint8" in self.broken(place, drop)

    def test_an_image_in_two_classes(self, place):
        def share(content):
            content["class_dict"]["n01855672"][0] = content["class_dict"]["n02138441"][0]

        assert f"does not use each of the {16 * EACH} images once" in self.broken(place, share)

    def test_another_kind_of_pixels(self, place):
        def double(content):
            content["image_data"] = content["image_data"].astype(float)

        assert "'image_data' is float64" in self.broken(place, double)

    @pytest.mark.parametrize("rows", [[1, 2], 3, {"n01855672": 7}, {"n01855672": ["a"]}])
    def test_rows_that_are_none(self, place, rows):
        said = self.broken(place, lambda content: content.update(class_dict=rows))
        assert "'class_dict' does not list the rows of each class" in said

    def test_rows_as_an_array(self, place):
        held = miniatures.mini_imagenet_pickles(EACH)
        content = miniatures.mini_imagenet_content("val", EACH)
        for name, rows in content["class_dict"].items():
            content["class_dict"][name] = np.array(rows)
        held["mini-imagenet-cache-validation.pkl"] = pickle.dumps(content, protocol=2)
        source = place.source("mini_imagenet", None, {"mini_imagenet_pickles": held})
        assert len(source.catalogue()) == 100

    @pytest.mark.parametrize("other", [[1, 2], {"data": 1}])
    def test_another_layout(self, place, other):
        assert "expected a dictionary with" in self.broken(place, other=other)

    def test_a_split_twice(self, place):
        members = {f"{name}-train.pkl": b"" for name in "ab"}
        held = {"mini-imagenet.tar.gz": miniatures.tar_gz(members)}
        source = place.source("mini_imagenet", "pickles_tar", {"mini_imagenet_tar": held})
        with pytest.raises(DataError, match=r"mini-imagenet.tar.gz: 2 pickles of split 'train'"):
            source.catalogue()


class TestRefusedCub:
    def broken(self, place, change) -> str:
        members = miniatures.cub_members(EACH)
        change(members)
        held = {"cub_200_2011": {"CUB_200_2011.tgz": miniatures.tar_gz(members)}}
        with pytest.raises(DataError) as caught:
            place.source("cub", None, held).catalogue()
        return str(caught.value)

    @staticmethod
    def of_class(members, number):
        return [name for name in members if f"images/{number:03d}." in name]

    def test_a_class_is_missing(self, place):
        def drop(members):
            for name in self.of_class(members, 7):
                del members[name]

        assert "1 class folders missing: 007.Parakeet_Auklet" in self.broken(place, drop)

    def test_a_class_too_many(self, place):
        def add(members):
            members["CUB_200_2011/images/201.Dodo/Dodo_0001_1.jpg"] = b"x"

        said = self.broken(place, add)
        assert "1 class folders that the split list does not have: 201.Dodo" in said

    def test_an_image_is_missing(self, place):
        def drop(members):
            del members[self.of_class(members, 7)[0]]

        assert "1 images missing: Parakeet_Auklet_0001_" in self.broken(place, drop)

    def test_an_image_too_many(self, place):
        def add(members):
            members["CUB_200_2011/images/007.Parakeet_Auklet/copy.jpg"] = b"x"

        assert "1 images that the split list does not have: copy.jpg" in self.broken(place, add)

    def test_images_that_the_listing_leaves_out_too(self, place):
        def drop(members):
            gone = self.of_class(members, 7)[0]
            del members[gone]
            lines = members["CUB_200_2011/images.txt"].decode().splitlines()
            kept = [line for line in lines if gone.rpartition("/")[2] not in line]
            members["CUB_200_2011/images.txt"] = "\n".join(kept).encode()

        said = self.broken(place, drop)
        assert f"{100 * EACH - 1}/{50 * EACH}/{50 * EACH} images in the split's classes" in said

    def test_no_listing(self, place):
        def drop(members):
            del members["CUB_200_2011/images.txt"]

        assert "images.txt: cannot be read" in self.broken(place, drop)

    @pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0 not a picture", None])
    def test_a_corrupt_image_is_named_and_nothing_is_left(self, place, content):
        members = miniatures.cub_members(EACH)
        bad = self.of_class(members, 7)[2]
        members[bad] = members[bad][:200] if content is None else content
        held = {"cub_200_2011": {"CUB_200_2011.tgz": miniatures.tar_gz(members)}}
        source = place.source("cub", None, held)
        with pytest.raises(DataError, match=rf"{bad} cannot be read"):
            built(place, source, "cub", 16)
        assert {path.name for path in (place.folder / "store").iterdir()} == {".lock"}

    def test_an_image_of_endless_size_is_not_decoded(self, place):
        members = miniatures.cub_members(EACH)
        bad = self.of_class(members, 7)[2]
        buffer = io.BytesIO()
        Image.new("1", (12_000, 9_000)).save(buffer, "PNG")
        members[bad] = buffer.getvalue()
        held = {"cub_200_2011": {"CUB_200_2011.tgz": miniatures.tar_gz(members)}}
        with pytest.raises(DataError, match=rf"(?s){bad} .*bomb"):
            built(place, place.source("cub", None, held), "cub", 16)


class TestRefusedCifar:
    def broken(self, place, change, dataset="fc100") -> str:
        make = miniatures.cifar10_members if dataset == "cifar10" else miniatures.cifar100_members
        members = make(EACH)
        change(members)
        name = "10" if dataset == "cifar10" else "100"
        held = {f"cifar_{name}_python": {f"cifar-{name}-python.tar.gz": miniatures.tar_gz(members)}}
        with pytest.raises(DataError) as caught:
            place.source(dataset, None, held).catalogue()
        return str(caught.value)

    @staticmethod
    def set_to(name, content):
        def change(members):
            old = pickle.loads(members[name], encoding="latin1")
            members[name] = miniatures.python2_pickle(content(old))

        return change

    def test_a_file_is_missing(self, place):
        said = self.broken(place, lambda members: members.pop("cifar-100-python/test"))
        assert "cifar-100-python/test is missing" in said

    def test_another_class_name(self, place):
        def rename(old):
            names = ["cra" if name == "crab" else name for name in old["fine_label_names"]]
            return {**old, "fine_label_names": names}

        said = self.broken(place, self.set_to("cifar-100-python/meta", rename))
        assert "meta: 1 classes missing: crab" in said

    def test_another_count(self, place):
        def relabel(old):
            return {**old, "fine_labels": [3, *old["fine_labels"][1:]]}

        said = self.broken(place, self.set_to("cifar-100-python/train", relabel))
        assert f"images, expected {EACH}" in said

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"labels": [1]}, "'data' is not a table of bytes"),
            ({"data": np.zeros((1, 5), np.uint8), "labels": [1]}, "expected rows of 3072 bytes"),
            ({"data": np.zeros((1, 3072), np.uint8)}, "a list 'labels'"),
            ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "2 pictures and 1 labels"),
            ([1], "holds a list, expected a dictionary"),
        ],
    )
    def test_another_layout(self, place, content, message):
        change = self.set_to("cifar-10-batches-py/test_batch", lambda old: content)
        said = self.broken(place, change, "cifar10")
        assert "test_batch: " in said
        assert message in said

    def test_another_count_of_batches(self, place):
        def half(old):
            half = len(old["labels"]) // 2
            return {**old, "labels": old["labels"][:half], "data": old["data"][:half]}

        change = self.set_to("cifar-10-batches-py/data_batch_2", half)
        assert f"{45 * EACH} train images of" in self.broken(place, change, "cifar10")

    def test_a_malicious_pickle(self, place, monkeypatch):
        monkeypatch.chdir(place.folder)
        evil = b"cos\nsystem\n(S'touch executed'\ntR."
        said = self.broken(place, lambda members: members.update({"cifar-100-python/train": evil}))
        assert "train asks for 'os.system'" in said
        assert not (place.folder / "executed").exists()


def test_files_that_went_away_after_they_were_verified(place, files):
    place.source("cub", None, files)
    shutil.rmtree(place.folder / "own")
    with pytest.raises(DataError, match=r"CUB_200_2011.tgz is gone since it was verified"):
        FetchedFiles.read(place.folder / "raw/cub_200_2011/fetched.json", {})
