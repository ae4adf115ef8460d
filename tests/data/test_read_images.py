"""Pictures of one's own: the same numbers as an image store of them gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import innerloop
from innerloop.data.build_images import build_images
from innerloop.data.sources.class_folders import ClassFolders
from innerloop.runtime.errors import DataError, InputError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three pictures, of several sizes and modes, of one class."""
    random = np.random.default_rng(0)
    folder = tmp_path / "photos" / "cup"
    folder.mkdir(parents=True)
    for number, (size, mode) in enumerate((((90, 120), "RGB"), ((20, 20), "L"), ((16, 30), "P"))):
        pixels = random.integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{number}.png")
    (tmp_path / "photos.csv").write_text("class,split\ncup,test\n", encoding="utf-8")
    return tmp_path / "photos"


def test_they_are_what_a_store_gives(photos: Path) -> None:
    source = ClassFolders(photos, photos.with_suffix(".csv"))
    store = build_images(source, "photos", 16, photos.parent / "store", progress=False)
    found = innerloop.read_images(sorted(photos.glob("*/*")), 16)
    assert torch.equal(found, store.batch(np.arange(3)))


def test_what_is_none_is_refused_in_words(photos: Path) -> None:
    text = photos / "cup" / "notes.png"
    text.write_text("not a picture", encoding="utf-8")
    with pytest.raises(DataError, match=r"notes\.png cannot be read"):
        innerloop.read_images([text], 16)
    with pytest.raises(InputError, match=r"files is one path, .*expected a list"):
        innerloop.read_images(text, 16)
    with pytest.raises(InputError, match="files is empty"):
        innerloop.read_images([], 16)
    with pytest.raises(InputError, match="size is 0"):
        innerloop.read_images([text], 0)
