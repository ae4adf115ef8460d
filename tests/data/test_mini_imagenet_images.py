"""miniImageNet from image files: listed names in archives or folders, and ILSVRC's own folders."""

from __future__ import annotations

import gzip
import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import miniatures
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.data.sources.mini_imagenet_images import MiniImageNetFromIlsvrc, MiniImageNetImages
from innerloop.runtime.errors import ConfigError, DataError

CLASSES = {"n01532829": "train", "n01855672": "val", "n01930112": "test"}
NUMBERS = (5, 2, 9)
NAMES = {label: [f"{label}{number:08d}.jpg" for number in NUMBERS] for label in CLASSES}


def colour(label: str, number: int) -> tuple[int, int, int]:
    return (40 * list(CLASSES).index(label), 20 * number, 0)


def jpeg(label: str, number: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), colour(label, number)).save(buffer, "JPEG", quality=98)
    return buffer.getvalue()


@pytest.fixture
def listing(tmp_path) -> Path:
    path = tmp_path / "listing.csv"
    lines = [f"{CLASSES[label]},{label},{name}" for label, names in NAMES.items() for name in names]
    path.write_text("\n".join(["split,label,filename", *lines]), encoding="utf-8")
    return path


def listed_members(place: str) -> dict[str, bytes]:
    """Members by their listed names; `place` may hold {split} and {label}."""
    return {
        place.format(split=CLASSES[label], label=label) + name: jpeg(label, number)
        for label, names in NAMES.items()
        for name, number in zip(names, NUMBERS, strict=True)
    }


def fetched(tmp_path, files=(), folder=None) -> FetchedFiles:
    held = {path.name: path for path in files}
    return FetchedFiles({}, miniatures.read_registry().collections["mini_imagenet_images"].licence,
                        held, folder, {}, tmp_path / "work")  # fmt: skip


def check(source) -> None:
    catalogue = [(entry.name, entry.split, entry.count) for entry in source.catalogue()]
    assert catalogue == [(label, split, len(NUMBERS)) for label, split in CLASSES.items()]
    wanted = [colour(label, number) for label in CLASSES for number in NUMBERS]
    for picture, expected in zip(source.pictures(), wanted, strict=True):
        assert picture.getpixel((30, 20)) == pytest.approx(expected, abs=3)


def test_the_original_zip(tmp_path, listing):
    archive = miniatures.write_zip(tmp_path / "images.zip", listed_members("images/"))
    check(MiniImageNetImages(fetched(tmp_path, [archive]), listing))


def test_three_tars(tmp_path, listing):
    archives = []
    for split in ("train", "val", "test"):
        members = listed_members("{split}/{label}/")
        own = {name: held for name, held in members.items() if name.startswith(split)}
        archives.append(tmp_path / f"{split}.tar")
        archives[-1].write_bytes(miniatures.tar_gz(own))
    check(MiniImageNetImages(fetched(tmp_path, archives), listing))


def write(folder: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_folder(tmp_path, listing):
    folder = write(tmp_path / "images", listed_members(""))
    (folder / "._n0153282900000005.jpg").write_bytes(b"Mac")
    check(MiniImageNetImages(fetched(tmp_path, folder=folder), listing))


def test_an_image_is_missing(tmp_path, listing):
    folder = write(tmp_path / "images", listed_members(""))
    (folder / NAMES["n01855672"][1]).unlink()
    source = MiniImageNetImages(fetched(tmp_path, folder=folder), listing)
    with pytest.raises(DataError, match=r"1 images missing: n0185567200000002.jpg"):
        source.catalogue()


def test_an_image_too_many(tmp_path, listing):
    folder = write(tmp_path / "images", {**listed_members(""), "other.jpg": b""})
    with pytest.raises(DataError, match="1 images that the split list does not have: other"):
        MiniImageNetImages(fetched(tmp_path, folder=folder), listing).catalogue()


def test_an_image_twice(tmp_path, listing):
    folder = write(tmp_path / "images", {**listed_members("a/"), **listed_members("b/")})
    with pytest.raises(DataError, match="9 images have the name of another"):
        MiniImageNetImages(fetched(tmp_path, folder=folder), listing).catalogue()


class TestAListingOfTheRegistry:
    """The variant's own, which the source is given beside the files."""

    CLASS = "innerloop.data.sources.mini_imagenet_images:MiniImageNetImages"

    def source(self, tmp_path, listing, entry=CLASS):
        folder = write(tmp_path / "images", {**listed_members(""), "n0153282900000099.jpg": b""})
        return replace(fetched(tmp_path, folder=folder), listing=listing).source(entry)

    def test_it_may_be_of_some_images_only(self, tmp_path, listing):
        source = self.source(tmp_path, listing)
        check(source)
        assert source.split_name == "the registry's own (listing.csv)"

    def test_it_may_be_compressed_and_its_images_in_one_archive(self, tmp_path, listing):
        """By class in one .tar.gz, as people pass smaller copies on."""
        packed = tmp_path / "mini_imagenet_84.tar.gz"
        packed.write_bytes(miniatures.tar_gz(listed_members("images/{label}/")))
        compressed = tmp_path / "few.csv.gz"
        compressed.write_bytes(gzip.compress(listing.read_bytes()))
        check(replace(fetched(tmp_path, [packed]), listing=compressed).source(self.CLASS))

    def test_but_not_of_others(self, tmp_path, listing):
        listing.write_text(listing.read_text() + "\ntest,n01930112,n0193011200000077.jpg")
        with pytest.raises(DataError, match="1 images missing: n0193011200000077"):
            self.source(tmp_path, listing).catalogue()

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("label", "class", "listing.csv: there is no column label"),
            ("00000002.jpg", "00000005.jpg", "listed more than once: n0153282900000005.jpg"),
            ("", "", None),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path, listing, old, new, message):
        if message is None:
            listing.write_bytes("größe".encode("utf-16"))
            message = "listing.csv: cannot be read"
        else:
            listing.write_text(listing.read_text().replace(old, new))
        with pytest.raises(DataError, match=message):
            self.source(tmp_path, listing).catalogue()

    def test_a_class_that_takes_none(self, tmp_path, listing):
        with pytest.raises(ConfigError, match="takes no listing; remove the key"):
            self.source(tmp_path, listing, "innerloop.data.sources.cub:Cub")


@pytest.fixture
def ilsvrc(tmp_path) -> Path:
    """Ten images per class, with gaps between their numbers, and a class that is not used."""
    members = {
        f"{label}/{label}_{7 * place * place}.JPEG": jpeg(label, place)
        for label in CLASSES
        for place in range(1, 11)
    }
    return write(tmp_path / "train", {**members, "n99999999/n99999999_1.JPEG": b""})


def test_ilsvrc(tmp_path, listing, ilsvrc):
    check(MiniImageNetFromIlsvrc(fetched(tmp_path, folder=ilsvrc), listing))


def test_ilsvrc_with_a_class_missing(tmp_path, listing, ilsvrc):
    (ilsvrc / "n01855672").rename(ilsvrc / "elsewhere")
    with pytest.raises(DataError, match="1 class folders missing: n01855672"):
        MiniImageNetFromIlsvrc(fetched(tmp_path, folder=ilsvrc), listing).catalogue()


def test_ilsvrc_incomplete(tmp_path, listing, ilsvrc):
    for place in (1, 2):
        (ilsvrc / f"n01855672/n01855672_{7 * place * place}.JPEG").unlink()
    source = MiniImageNetFromIlsvrc(fetched(tmp_path, folder=ilsvrc), listing)
    with pytest.raises(DataError, match=r"n01855672: has 8 images .* uses number 9"):
        source.catalogue()
