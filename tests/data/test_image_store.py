"""Image stores: building, opening, reading, and refusing what is damaged."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from innerloop.data import build_images as builder
from innerloop.data import image_store
from innerloop.data.build_images import build_images, resize
from innerloop.data.catalogue import ClassEntry
from innerloop.data.image_store import ImageStore
from innerloop.data.open_images import open_images
from innerloop.data.sources.base import Licence
from innerloop.runtime.code_digest import modules_reached
from innerloop.runtime.errors import ConfigError, DataError, ExtensionError

LICENCE = Licence("CC0", "nobody", "https://example.org", non_commercial=True)


def noise(seed, size=(8, 8)):
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@dataclass
class Stub:
    entries: list[ClassEntry]
    images: list[Image.Image]
    native_size: int = 8
    licence: Licence = LICENCE
    packages: tuple[str, ...] = ("pillow",)

    def catalogue(self):
        return self.entries

    def pictures(self):
        yield from self.images


def stub(counts=(2, 3, 1)):
    splits = ("train", "val", "test")
    entries = [
        ClassEntry(f"class {k}", splits[k % 3], count, superclass=f"super {k % 2}")
        for k, count in enumerate(counts)
    ]
    return Stub(entries, [noise(k) for k in range(sum(counts))])


def left(folder):
    """What is in a folder, but for the lock that lets one build in."""
    return sorted({path.name for path in folder.iterdir()} - {".lock"})


class Failing(Stub):
    def pictures(self):
        yield self.images[0]
        raise DataError("the disc is on fire")


@pytest.fixture
def store(tmp_path):
    return build_images(stub(), "noise", 8, tmp_path / "store", progress=False)


class TestRoundTrip:
    def test_images_and_classes(self, store):
        source = stub()
        expected = np.stack([np.asarray(p).transpose(2, 0, 1) for p in source.images])
        assert store.images.dtype == np.uint8
        np.testing.assert_array_equal(store.images, expected)
        assert [(c.name, c.split, c.superclass, c.first, c.count) for c in store.classes] == [
            ("class 0", "train", "super 0", 0, 2),
            ("class 1", "val", "super 1", 2, 3),
            ("class 2", "test", "super 0", 5, 1),
        ]
        assert (store.dataset, store.size) == ("noise", 8)

    def test_images_are_mapped_not_read(self, store):
        assert isinstance(store.images, np.memmap)
        assert not store.images.flags.writeable

    def test_manifest_says_what_it_was_built_from(self, store):
        manifest = json.loads((store.folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["source"].endswith(":Stub")
        assert manifest["licence"] == {
            "name": "CC0",
            "attribution": "nobody",
            "url": "https://example.org",
            "non_commercial": True,
            "redistributable": False,
        }
        assert manifest["versions"]["pillow"]
        assert (manifest["count"], manifest["size"]) == (6, 8)

    @settings(max_examples=20, deadline=None)
    @given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=6), data=st.data())
    def test_any_batch_of_any_catalogue(self, tmp_path_factory, counts, data):
        source = stub(counts)
        built = build_images(source, "noise", 8, tmp_path_factory.mktemp("s"), progress=False)
        assert [entry.count for entry in built.classes] == counts
        shape = data.draw(st.lists(st.integers(1, 3), max_size=3))
        rows = data.draw(
            st.lists(
                st.integers(0, sum(counts) - 1),
                min_size=int(np.prod(shape)),
                max_size=int(np.prod(shape)),
            )
        )
        batch = built.batch(np.array(rows, dtype=np.int64).reshape(shape))
        assert batch.dtype == torch.float32
        assert batch.shape == (*shape, 3, 8, 8)
        for image, row in zip(batch.reshape(-1, 3, 8, 8), rows, strict=True):
            expected = np.asarray(source.images[row]).transpose(2, 0, 1) / 255
            np.testing.assert_allclose(image.numpy(), expected, rtol=1e-6)

    def test_reading_does_not_depend_on_how_stores_are_built(self):
        reached = modules_reached(image_store.__file__)
        assert "innerloop.data.catalogue" in reached
        assert not [name for name in reached if "sources" in name or "build" in name]

    def test_batch_is_a_copy(self, store):
        rows = np.arange(2)
        store.batch(rows).zero_()
        assert store.batch(rows).any()

    def test_a_batch_is_the_same_from_a_device(self, store):
        rows = np.array([[1, 0], [2, 3]])
        found = store.batch_on(rows, torch.device("cpu"))
        assert torch.equal(found, store.batch(rows))


class TestPickled:
    """A worker maps the images itself; they do not travel to it."""

    def test_it_carries_no_images(self, store, monkeypatch):
        monkeypatch.chdir(store.folder.parent)
        content = pickle.dumps(ImageStore.open(store.folder.name))
        assert len(content) < 400
        monkeypatch.chdir("/")  # a relative path leads to the same folder from elsewhere
        found = pickle.loads(content)
        assert isinstance(found.images, np.memmap)
        assert found.digest == store.digest
        np.testing.assert_array_equal(found.images, store.images)

    def test_nor_what_was_copied_to_a_device(self, store):
        rows = np.arange(3)
        store.batch_on(rows, torch.device("cpu"))
        found = copy.deepcopy(store)
        assert len(pickle.dumps(found)) < 400
        assert torch.equal(found.batch(rows), store.batch(rows))

    def test_images_built_anew_meanwhile_are_refused(self, store):
        content = pickle.dumps(store)
        build_images(stub((1, 1)), "noise", 8, store.folder, progress=False)
        with pytest.raises(DataError, match="was built again"):
            pickle.loads(content)

    def test_images_in_memory_travel(self, store):
        inner = replace(store, images=np.array(store.images))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(inner)).images, store.images)


class TestDigest:
    def test_same_pictures_same_digest(self, store, tmp_path):
        again = build_images(stub(), "noise", 8, tmp_path / "again", progress=False)
        assert again.digest == store.digest
        again.verify()

    def test_one_pixel_changes_it(self, store, tmp_path):
        source = stub()
        source.images[3].putpixel((0, 0), (1, 2, 3))
        assert build_images(source, "noise", 8, tmp_path / "b", False).digest != store.digest

    def test_one_class_name_changes_it(self, store, tmp_path):
        source = stub()
        source.entries[0] = ClassEntry("renamed", "train", 2, "super 0")
        assert build_images(source, "noise", 8, tmp_path / "b", False).digest != store.digest

    def test_verify_finds_a_changed_pixel(self, store):
        np.load(store.folder / "images.npy", mmap_mode="r+")[4, 0, 0, 0] ^= 1
        with pytest.raises(DataError, match="has changed since it was built"):
            ImageStore.open(store.folder).verify()


class TestResize:
    @pytest.mark.parametrize(
        ("native", "size", "filtered"),
        [
            ((84, 84), 28, Image.Resampling.BOX),
            ((120, 120), 84, Image.Resampling.BOX),
            ((200, 100), 84, Image.Resampling.BOX),
            ((32, 32), 28, Image.Resampling.LANCZOS),
            ((32, 32), 84, Image.Resampling.LANCZOS),
            ((84, 84), 100, Image.Resampling.LANCZOS),
            ((200, 60), 84, Image.Resampling.LANCZOS),
        ],
    )
    def test_filter(self, native, size, filtered):
        picture = noise(0, native)
        resized = resize(picture, size)
        assert resized.size == (size, size)
        np.testing.assert_array_equal(resized, picture.resize((size, size), filtered))

    def test_right_size_is_left_alone(self):
        picture = noise(0, (84, 84))
        np.testing.assert_array_equal(resize(picture, 84), picture)

    def test_the_store_is_resized(self, tmp_path):
        source = Stub([ClassEntry("a", "train", 1)], [noise(0, (168, 84))])
        built = build_images(source, "wide", 28, tmp_path, progress=False)
        expected = source.images[0].resize((28, 28), Image.Resampling.BOX)
        np.testing.assert_array_equal(built.images[0].transpose(1, 2, 0), expected)


class TestAllOrNothing:
    def test_failing_source_leaves_nothing(self, tmp_path):
        source = Failing(stub().entries, stub().images)
        with pytest.raises(DataError, match="on fire"):
            build_images(source, "noise", 8, tmp_path / "store", progress=False)
        assert left(tmp_path / "store") == []

    def test_failing_source_leaves_the_older_store(self, store):
        source = Failing(stub().entries, stub().images)
        with pytest.raises(DataError, match="on fire"):
            build_images(source, "noise", 8, store.folder, progress=False)
        ImageStore.open(store.folder).verify()

    def test_building_replaces_the_older_store(self, store):
        build_images(stub((1, 1)), "noise", 8, store.folder, progress=False)
        replaced = ImageStore.open(store.folder)
        replaced.verify()
        assert len(replaced.images) == 2
        assert left(store.folder) == [
            ".verified.json",
            "classes.parquet",
            "images.npy",
            "manifest.json",
        ]

    def test_interrupted_replacement_is_not_a_store(self, store, monkeypatch):
        def interrupted(old, new):
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_images(stub((1, 1)), "noise", 8, store.folder, progress=False)
        with pytest.raises(DataError, match="there is no image store"):
            ImageStore.open(store.folder)

    @pytest.mark.parametrize(
        ("counts", "message"),
        [
            ((2, 3, 2), r"ran out of pictures in class 'class 2' \(test\), after 1 of the 2"),
            ((2, 2, 1), r"more pictures than its catalogue announces \(5\)"),
        ],
    )
    def test_catalogue_and_pictures_must_agree(self, tmp_path, counts, message):
        source = Stub(stub(counts).entries, stub((2, 3, 1)).images)
        with pytest.raises(DataError, match=message):
            build_images(source, "noise", 8, tmp_path, progress=False)
        assert left(tmp_path) == []

    def test_pictures_must_be_rgb(self, tmp_path):
        source = Stub([ClassEntry("a", "train", 1)], [Image.new("L", (8, 8))])
        with pytest.raises(DataError, match="class 'a': picture 0 is in mode L, expected RGB"):
            build_images(source, "grey", 8, tmp_path, progress=False)

    def test_catalogue_is_checked(self, tmp_path):
        with pytest.raises(DataError, match="unknown split 'dev'"):
            build_images(Stub([ClassEntry("a", "dev", 1)], []), "x", 8, tmp_path, progress=False)


def change_manifest(**changes):
    def damage(folder):
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8")) | changes
        path.write_text(
            json.dumps({k: v for k, v in manifest.items() if v is not None}), encoding="utf-8"
        )

    return damage


def change_classes(column, value):
    def damage(folder):
        rows = pq.read_table(folder / "classes.parquet").to_pylist()
        rows[1][column] = value
        schema = pq.read_schema(folder / "classes.parquet")
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / "classes.parquet")

    return damage


def drop_last_class(folder):
    table = pq.read_table(folder / "classes.parquet")
    pq.write_table(table.slice(0, table.num_rows - 1), folder / "classes.parquet")


def truncate(name, size):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:size])

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate("manifest.json", 20), "manifest.json is not JSON"),
        (change_manifest(size=None), "manifest.json lacks 'size'"),
        (change_manifest(count="6"), "manifest.json lacks 'count', expected a value of type int"),
        (change_manifest(count=7), r"images.npy holds uint8 \[6, 3, 8, 8\], its manifest says"),
        (change_manifest(size=9), r"images.npy holds uint8 \[6, 3, 8, 8\], its manifest says"),
        (truncate("images.npy", 500), "images.npy cannot be mapped"),
        (truncate("images.npy", 0), "images.npy cannot be mapped"),
        (lambda folder: (folder / "images.npy").unlink(), "images.npy cannot be mapped"),
        (
            lambda folder: np.save(folder / "images.npy", np.zeros((6, 3, 8, 8), np.float32)),
            "images.npy holds float32",
        ),
        (truncate("classes.parquet", 30), "classes.parquet cannot be read"),
        (lambda folder: (folder / "classes.parquet").unlink(), "classes.parquet cannot be read"),
        (change_classes("count", 2), "classes.parquet does not divide 6 images"),
        (change_classes("first", 3), "classes.parquet does not divide 6 images"),
        (drop_last_class, "classes.parquet does not divide 6 images"),
        (
            lambda folder: pq.write_table(pa.table({"a": [1]}), folder / "classes.parquet"),
            "classes.parquet has the columns a",
        ),
    ],
)
def test_damaged_store_is_refused(store, damage, message):
    damage(store.folder)
    with pytest.raises(DataError, match=message):
        ImageStore.open(store.folder)


def test_missing_store_says_how_to_build_one(tmp_path):
    with pytest.raises(DataError, match=r"no image store in .*nowhere.*build it with Snakemake"):
        ImageStore.open(tmp_path / "nowhere")


def test_progress_goes_to_stderr(tmp_path, capsys):
    build_images(stub(), "noise", 8, tmp_path)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "  noise, 8 px: 6/6" in captured.err


USER_FILE = """
from PIL import Image
from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.base import UNSTATED

class Plain:
    native_size, licence, packages = 8, UNSTATED, ()
    def catalogue(self):
        return [ClassEntry("red", "train", 2)]
    def pictures(self):
        yield from [Image.new("RGB", (8, 8), "red")] * 2

source = flowers = Plain()
"""


class TestOpenImages:
    @pytest.fixture
    def user_file(self, tmp_path):
        path = tmp_path / "my_sets.py"
        path.write_text(USER_FILE, encoding="utf-8")
        return path

    @pytest.mark.parametrize(("name", "dataset"), [("source", "my_sets"), ("flowers", "flowers")])
    def test_builds_a_users_set(self, user_file, tmp_path, name, dataset):
        built = open_images(f"{user_file}:{name}", 4, tmp_path / "images")
        assert built.folder == tmp_path / "images" / dataset / "4"
        assert built.dataset == dataset
        assert built.manifest["source"] == f"{user_file}:{name}"
        assert built.batch(np.array([1]))[0, :, 0, 0].tolist() == [1, 0, 0]

    def test_builds_once(self, user_file, tmp_path, monkeypatch):
        built = open_images(f"{user_file}:flowers", 4, tmp_path / "images")
        monkeypatch.setattr(builder, "build_images", None)
        again = open_images(f"{user_file}:flowers", 4, tmp_path / "images")
        assert again.digest == built.digest

    def test_builds_a_known_set(self, tmp_path):
        built = open_images("digits", 8, tmp_path)
        assert built.folder == tmp_path / "digits" / "8"
        assert built.manifest["source"] == "innerloop.data.sources.digits:source"
        assert "scikit-learn" in built.manifest["versions"]

    def test_refuses_the_store_of_another_source(self, user_file, tmp_path):
        open_images(f"{user_file}:flowers", 4, tmp_path / "images")
        other = tmp_path / "other.py"
        other.write_text(USER_FILE, encoding="utf-8")
        with pytest.raises(DataError, match=r"built from '.*my_sets.py:flowers', not from"):
            open_images(f"{other}:flowers", 4, tmp_path / "images")

    def test_unknown_name(self, tmp_path):
        with pytest.raises(DataError, match=r"unknown data set 'symbol'; .* 'symbols'\?"):
            open_images("symbol", 28, tmp_path)

    def test_an_embedded_set_has_no_variants(self, tmp_path):
        with pytest.raises(ConfigError, match="'digits' has no variants; those of mini_imagenet"):
            open_images("digits", 8, tmp_path, variant="small")

    def test_it_is_shown_in_a_line(self, user_file, tmp_path):
        built = open_images(f"{user_file}:flowers", 4, tmp_path / "images")
        shown = f"ImageStore(flowers 4: 2 images of 1 classes in {tmp_path}/images/flowers/4)"
        assert repr(built) == shown

    def test_it_names_its_whole_path_wherever_one_is(self, user_file, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert str(tmp_path) in repr(open_images(f"{user_file}:flowers", 4, "images"))

    def test_missing_file(self, tmp_path):
        with pytest.raises(ExtensionError, match="there is no file"):
            open_images(f"{tmp_path}/gone.py:source", 28, tmp_path)
