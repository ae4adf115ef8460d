"""Users' own folders of images: what is read, and what is refused."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from innerloop.data import build_images as building
from innerloop.data import decoding
from innerloop.data.build_images import build_images, resize
from innerloop.data.sources.base import Licence
from innerloop.data.sources.class_folders import ClassFolders
from innerloop.data.split_file import read_split_file
from innerloop.data.splits import equal_images, read_split, require_supervised, split_table
from innerloop.runtime.errors import DataError


@pytest.fixture
def flowers(tmp_path):
    """Three classes: two, one and one image; one image lies deeper."""
    root = tmp_path / "flowers"
    for name, colour in {
        "rose/b.png": "red",
        "rose/a.png": "maroon",
        "lily/deeper/a.jpg": "white",
        "aster/a.png": "blue",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20), colour).save(root / name)
    (root / "rose" / "notes.txt").write_text("not an image", encoding="utf-8")
    (tmp_path / "splits.csv").write_text(
        "class,split,superclass\nrose,train,shrub\nlily,val,bulb\naster,test,herb\n",
        encoding="utf-8",
    )
    return tmp_path


def source(folder, **options):
    return ClassFolders(folder / "flowers", folder / "splits.csv", **options)


def write_splits(folder, *lines):
    (folder / "splits.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_catalogue_and_pictures(flowers):
    catalogue = source(flowers).catalogue()
    assert [(e.name, e.split, e.count, e.superclass) for e in catalogue] == [
        ("aster", "test", 1, "herb"),
        ("lily", "val", 1, "bulb"),
        ("rose", "train", 2, "shrub"),
    ]
    pictures = list(source(flowers).pictures())
    assert [picture.size for picture in pictures] == [(30, 20)] * 4
    assert [picture.getpixel((0, 0)) for picture in pictures] == [
        (0, 0, 255),
        (255, 255, 255),
        (128, 0, 0),
        (255, 0, 0),
    ]


def test_builds_a_store(flowers):
    licence = Licence("CC0", "me", "")
    store = build_images(
        source(flowers, native_size=32, licence=licence), "flowers", 16, flowers / "store", False
    )
    assert store.images.shape == (4, 3, 16, 16)
    assert store.manifest["licence"]["attribution"] == "me"


def test_paths_may_be_text(flowers):
    found = ClassFolders(str(flowers / "flowers"), str(flowers / "splits.csv")).catalogue()
    assert len(found) == 3


def test_superclass_is_optional_and_spreadsheets_are_understood(flowers):
    (flowers / "splits.csv").write_bytes(
        b"\xef\xbb\xbfclass, split\r\nrose, train\r\nlily ,val\r\naster,test\r\n"
    )
    assert [(e.name, e.split, e.superclass) for e in source(flowers).catalogue()] == [
        ("aster", "test", ""),
        ("lily", "val", ""),
        ("rose", "train", ""),
    ]


def test_naming_the_folder_reads_nothing(tmp_path):
    ClassFolders(tmp_path / "nowhere", tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("picture", "name", "expected"),
    [
        (Image.new("L", (9, 9), 77), "grey.png", (77, 77, 77)),
        (Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "print.tif", (255, 0, 0)),
        (Image.new("RGBA", (9, 9), (10, 20, 30, 255)), "clear.png", (10, 20, 30)),
        (Image.new("1", (9, 9), 1), "bits.png", (255, 255, 255)),
        (Image.new("RGB", (9, 9), "lime").quantize(4), "palette.png", (0, 255, 0)),
    ],
)
def test_other_colour_modes_become_rgb(flowers, picture, name, expected):
    for old in (flowers / "flowers" / "aster").iterdir():
        old.unlink()
    picture.save(flowers / "flowers" / "aster" / name)
    first = next(source(flowers).pictures())
    assert first.mode == "RGB"
    assert first.getpixel((4, 4)) == pytest.approx(expected, abs=1)


class TestSplitFile:
    def test_class_without_folder(self, flowers):
        write_splits(flowers, "class,split", "rose,train", "lily,val", "aster,test", "tulip,test")
        with pytest.raises(DataError, match=r"lists classes without a folder in .*: tulip$"):
            source(flowers).catalogue()

    def test_folder_without_row(self, flowers):
        write_splits(flowers, "class,split", "rose,train", "lily,val")
        with pytest.raises(DataError, match=r"has folders that .*splits.csv does not list: aster;"):
            source(flowers).catalogue()

    def test_many_missing_classes_are_counted(self, flowers):
        write_splits(flowers, "class,split", *(f"tulip {k},train" for k in range(9)))
        with pytest.raises(DataError, match="tulip 3, tulip 4 and 4 more"):
            source(flowers).catalogue()

    def test_unknown_split(self, flowers):
        write_splits(flowers, "class,split", "rose,training", "lily,val", "aster,test")
        with pytest.raises(DataError, match="class 'rose' has the unknown split 'training'"):
            source(flowers).catalogue()

    def test_class_twice(self, flowers):
        write_splits(flowers, "class,split", "rose,train", "lily,val", "aster,test", "rose,val")
        with pytest.raises(DataError, match="listed more than once: rose"):
            source(flowers).catalogue()

    def test_short_row(self, flowers):
        write_splits(flowers, "class,split", "rose", "lily,val", "aster,test")
        with pytest.raises(DataError, match="class 'rose' has the unknown split ''"):
            source(flowers).catalogue()

    @pytest.mark.parametrize("header", ["name,split", "class;split", ""])
    def test_missing_column(self, flowers, header):
        write_splits(flowers, header, "rose,train")
        with pytest.raises(DataError, match=r"there is no column 'class'"):
            source(flowers).catalogue()

    def test_missing_file(self, flowers):
        (flowers / "splits.csv").unlink()
        with pytest.raises(DataError, match=r"splits.csv: cannot read the splits"):
            source(flowers).catalogue()


class TestFolders:
    def test_missing_root(self, flowers):
        (flowers / "flowers").rename(flowers / "elsewhere")
        with pytest.raises(DataError, match="expected a folder with one sub-folder for each class"):
            source(flowers).catalogue()

    def test_root_without_classes(self, flowers):
        (flowers / "flowers").rename(flowers / "elsewhere")
        (flowers / "flowers").mkdir()
        with pytest.raises(DataError, match="expected a folder with one sub-folder for each class"):
            source(flowers).catalogue()

    def test_class_without_images(self, flowers):
        (flowers / "flowers" / "aster" / "a.png").rename(flowers / "flowers" / "aster" / "a.doc")
        with pytest.raises(DataError, match=r"class folder .*aster has no images; known types"):
            source(flowers).catalogue()

    @pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n"])
    def test_unreadable_image_is_named(self, flowers, content):
        (flowers / "flowers" / "rose" / "b.png").write_bytes(content)
        with pytest.raises(DataError, match=r"image .*rose/b.png cannot be read"):
            list(source(flowers).pictures())

    def test_half_an_image_is_named(self, flowers):
        path = flowers / "flowers" / "rose" / "b.png"
        pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        path.write_bytes(path.read_bytes()[:2000])
        with pytest.raises(DataError, match=r"image .*rose/b.png cannot be read"):
            list(source(flowers).pictures())

    def test_sixteen_bits_are_refused(self, flowers):
        deep = Image.fromarray(np.full((9, 9), 40000, dtype=np.uint16))
        deep.save(flowers / "flowers" / "rose" / "b.png")
        with pytest.raises(DataError, match=r"rose/b.png has more than eight bits a channel"):
            list(source(flowers).pictures())


class TestEachFileOnce:
    def test_what_is_left_out_is_counted_and_said(self, flowers, capsys):
        rose = flowers / "flowers/rose"
        for name in (".ipynb_checkpoints/a.png", "._a.png", ".hidden.png", "c.HEIC", "d.heic"):
            (rose / name).parent.mkdir(exist_ok=True)
            shutil.copy(rose / "a.png", rose / name)
        (flowers / "flowers/.DS_Store").write_text("")
        (flowers / "flowers/.cache").mkdir()
        (flowers / "flowers/readme.txt").write_text("")
        (rose / "gone").symlink_to(rose / "nothing")
        built = build_images(source(flowers), "flowers", 8, flowers / "store", False)
        assert [row.count for row in built.classes] == [1, 1, 2]
        expected = {
            "hidden files": 3,
            "hidden folders": 2,
            "files beside the folders": 1,
            ".heic files": 2,
            ".txt files": 1,
            "links to nothing": 1,
        }
        assert built.manifest["left_out"] == expected
        said = capsys.readouterr().err
        assert "flowers: left out: " in said
        assert all(f"{what} ({count})" in said for what, count in expected.items())

    @pytest.mark.parametrize("suffix", ["gif", "jfif", "GIF", "Jpg", "pgm", "webp"])
    def test_every_suffix_of_what_can_be_read(self, flowers, suffix):
        form = {"jfif": "JPEG", "jpg": "JPEG", "pgm": "PPM"}.get(suffix.lower(), suffix)
        Image.new("RGB", (4, 4)).save(flowers / f"flowers/rose/z.{suffix}", form)
        assert source(flowers).catalogue()[2].count == 3

    def test_links(self, flowers):
        rose = flowers / "flowers/rose"
        (rose / "loop").symlink_to(rose)
        (rose / "up").symlink_to(rose / "loop/loop")
        (rose / "c.png").symlink_to(rose / "a.png")
        (rose / "d.png").hardlink_to(rose / "b.png")
        found = source(flowers)
        assert found.catalogue()[2].count == 2
        assert found.left_out() == {
            ".txt files": 1,
            "links to files that are there already": 2,
            "links to folders that are there already": 2,
        }

    def test_a_class_may_be_a_link(self, flowers):
        (flowers / "flowers/aster").rename(flowers / "elsewhere")
        (flowers / "flowers/aster").symlink_to(flowers / "elsewhere")
        assert source(flowers).catalogue()[0].count == 1

    @pytest.mark.parametrize("link", ["hardlink_to", "symlink_to"])
    def test_one_file_in_two_classes(self, flowers, link):
        getattr(flowers / "flowers/rose/x.png", link)(flowers / "flowers/aster/a.png")
        with pytest.raises(DataError, match=r"rose/x.png is the same file as .*aster/a.png: an"):
            source(flowers).catalogue()

    def test_a_pipe_and_a_link_to_nothing_are_no_images(self, flowers):
        place = flowers / "flowers/rose/x.png"
        os.mkfifo(place)
        with pytest.raises(DataError, match=r"rose/x.png is not a plain file"):
            source(flowers).catalogue()
        place.unlink()
        place.symlink_to("nothing.png")
        with pytest.raises(DataError, match=r"rose/x.png cannot be read \(No such file"):
            source(flowers).catalogue()


def test_large_pictures_are_decoded_one_at_a_time(flowers, monkeypatch):
    """By as many threads as there may be: they are of 600 pixels."""
    monkeypatch.setattr(decoding, "MOST_PIXELS", 1000)
    both, together = threading.Barrier(2), []

    def resized(picture, size, window=1.0):
        with suppress(threading.BrokenBarrierError):
            together.append(both.wait(timeout=0.2))
        return resize(picture, size, window)

    monkeypatch.setattr(building, "resize", resized)
    built = build_images(source(flowers), "flowers", 8, flowers / "store", False, threads=4)
    assert not together
    assert built.manifest["distinct"] == 4


def test_small_pictures_do_not_wait():
    with decoding.decoding():
        for _ in range(2):
            decoding.wait_for_room(decoding.MOST_PIXELS)  # a thread does not wait for itself
    with decoding.decoding():
        decoding.wait_for_room(decoding.MOST_PIXELS // 2)
        other = threading.Thread(target=read_another)
        other.start()
        other.join(timeout=60)
        assert not other.is_alive()


def read_another():
    with decoding.decoding():
        decoding.wait_for_room(decoding.MOST_PIXELS // 2)


class TestEqualImages:
    """What damages pictures, or repeats them, shows as fewer distinct images than there are."""

    def test_they_are_counted_and_said(self, flowers, capsys):
        for name in ("aster/b.png", "rose/c.png"):
            shutil.copy(flowers / "flowers/rose/a.png", flowers / "flowers" / name)
        built = build_images(source(flowers), "flowers", 8, flowers / "store", False)
        assert (built.manifest["count"], built.manifest["distinct"]) == (6, 4)
        said = "of 6 images 4 are distinct; 1 of these are in more than one split, 0 in more than"
        assert f"flowers: warning: {said}" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("splits", "leaks", "in_classes"),
        [("train,val,test", 1, 0), ("train,val,train", 0, 1)],
    )
    def test_leaks_are_those_of_the_division_that_is_used(self, flowers, splits, leaks, in_classes):
        for name in ("aster/b.png", "rose/c.png"):
            shutil.copy(flowers / "flowers/rose/a.png", flowers / "flowers" / name)
        built = build_images(source(flowers), "flowers", 8, flowers / "store", False)
        lines = map(",".join, zip(("rose", "lily", "aster"), splits.split(","), strict=True))
        write_splits(flowers, "class,split", *lines)
        divided = split_table("flowers", built.classes, str(flowers / "splits.csv"))
        counted = equal_images(built, divided)
        assert (counted["images"], counted["distinct"]) == (6, 4)
        assert (counted["in_several_splits"], counted["in_several_classes"]) == (leaks, in_classes)

    def test_a_class_of_one_picture_only(self, flowers, capsys):
        for k in range(3):
            Image.new("RGB", (5 + k, 5), "blue").save(flowers / f"flowers/aster/{k}.png")
        build_images(source(flowers), "flowers", 8, flowers / "store", False)
        assert "flowers: warning: all images are equal in aster\n" in capsys.readouterr().err

    def test_nothing_is_said_otherwise(self, flowers, capsys):
        (flowers / "flowers/rose/notes.txt").unlink()
        built = build_images(source(flowers), "flowers", 8, flowers / "store", False)
        assert built.manifest["distinct"] == built.manifest["count"]
        assert "left_out" not in built.manifest
        assert capsys.readouterr().err == ""


CAFE, CAFE_OF_A_MAC = "caf\u00e9", "cafe\u0301"


class TestNames:
    @pytest.mark.parametrize("of_folder", [CAFE, CAFE_OF_A_MAC])
    @pytest.mark.parametrize("of_row", [CAFE, CAFE_OF_A_MAC])
    def test_composed_and_decomposed_letters_are_equal(self, flowers, of_folder, of_row):
        (flowers / "flowers/rose").rename(flowers / "flowers" / of_folder)
        write_splits(flowers, "class,split", f"{of_row},train", "lily,val", "aster,test")
        assert [entry.name for entry in source(flowers).catalogue()] == ["aster", CAFE, "lily"]

    def test_two_that_look_the_same(self, flowers):
        for name in (CAFE, CAFE_OF_A_MAC):
            shutil.copytree(flowers / "flowers/rose", flowers / "flowers" / name)
        with pytest.raises(DataError, match="two folders that are both called 'café'"):
            source(flowers).catalogue()
        write_splits(flowers, "class,split", f"{CAFE},train", f"{CAFE_OF_A_MAC},val")
        with pytest.raises(DataError, match="listed more than once: café"):
            read_split_file(flowers / "splits.csv")

    def test_a_space_at_an_end(self, flowers):
        (flowers / "flowers/rose").rename(flowers / "flowers/rose ")
        with pytest.raises(DataError, match="rename folder 'rose ' so that no space is at an end"):
            source(flowers).catalogue()

    def test_what_is_not_utf_8(self, flowers):
        image = os.fsencode(flowers / "flowers/rose") + b"/\xff.png"
        shutil.copy(flowers / "flowers/rose/a.png", image)
        built = build_images(source(flowers), "flowers", 8, flowers / "store", False)
        assert built.classes[2].count == 3
        (flowers / "flowers/rose").rename(flowers / "flowers" / os.fsdecode(b"r\xf6se"))
        with pytest.raises(DataError, match=r"name of folder b'r\\xf6se' is not UTF-8; rename it"):
            source(flowers).catalogue()


@pytest.fixture
def supervised(flowers):
    """Roses and lilies in folders of their own for training and for testing."""
    root = flowers / "digits"
    for split in ("train", "test"):
        for number, name in enumerate(("rose", "lily")):
            (root / split / name).mkdir(parents=True)
            for k in range(3):
                colour = (60 * k, 99 * number, 200 if split == "test" else 0)
                Image.new("RGB", (8, 8), colour).save(root / split / name / f"{k}.png")
    return root


class TestSplitsAsFolders:
    def test_a_class_may_be_in_several(self, supervised):
        found = [(e.name, e.split, e.count) for e in ClassFolders(supervised).catalogue()]
        assert found == [
            ("lily", "train", 3),
            ("rose", "train", 3),
            ("lily", "test", 3),
            ("rose", "test", 3),
        ]

    def test_the_toy_takes_it_as_its_data(self, supervised, tmp_path):
        built = build_images(ClassFolders(supervised), "flowers", 8, tmp_path / "store", False)
        assert built.manifest["splits"] == "folders train, val, test"
        table = tmp_path / "splits.parquet"
        pq.write_table(split_table("flowers", built.classes, None), table)
        require_supervised(table)
        rows, labels = read_split(table, "test").rows()
        assert labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert built.images[rows, 1].max(axis=(1, 2)).tolist() == [99] * 3 + [0] * 3

    def test_another_folder(self, supervised):
        (supervised / "validation").mkdir()
        with pytest.raises(DataError, match="folders are train, val, test; there is also valid"):
            ClassFolders(supervised).catalogue()

    def test_one_picture_in_both(self, supervised):
        (supervised / "test/rose/0.png").unlink()
        (supervised / "test/rose/0.png").symlink_to(supervised / "train/rose/0.png")
        with pytest.raises(DataError, match=r"test/rose/0.png is the same file as .*train/rose"):
            ClassFolders(supervised).catalogue()
