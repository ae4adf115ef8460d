"""Users' own folders of images: what is read, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from innerloop.data.build_images import build_images
from innerloop.data.sources.base import Licence
from innerloop.data.sources.class_folders import ClassFolders
from innerloop.errors import DataError


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
