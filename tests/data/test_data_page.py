"""docs/data.md says of every file what a person needs who fetches it by hand."""

from __future__ import annotations

import hashlib
import io
import re

import pytest
from PIL import Image

import innerloop
import miniatures
from innerloop.data.acquire.registry import read_registry
from innerloop.runtime.code_digest import LIBRARY

PAGE = (LIBRARY.parents[1] / "docs/data.md").read_text(encoding="utf-8")
REGISTRY = read_registry()


@pytest.mark.parametrize("one", REGISTRY.collections.values(), ids=lambda one: one.name)
def test_every_collection_and_file(one):
    assert f"`{one.name}`" in PAGE
    for file in one.files:
        assert f"`{file.name}`" in PAGE
        assert not file.bytes or str(file.bytes) in PAGE
        assert file.md5 in PAGE
        assert file.sha256 in PAGE
    assert not one.folder or f"`{one.folder}`" in PAGE


def test_a_data_set_of_one_s_own(tmp_path):
    """The page's files to the letter, but for the hash and the address."""
    blocks = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    for name, text in blocks.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(buffer, "JPEG")
    images = {"rose": 3, "lily": 2}
    members = {f"{k}/{n}.jpg": buffer.getvalue() for k in images for n in range(images[k])}
    archive = miniatures.write_zip(tmp_path / "flowers.zip", members)
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    registry = tmp_path / "my_registry.toml"
    registry.write_text(
        registry.read_text(encoding="utf-8").replace("f5" * 16, md5), encoding="utf-8"
    )
    store = innerloop.open_images(
        "flowers", 8, tmp_path / "images", registry=registry, data_root=tmp_path
    )
    assert [(row.name, row.split, row.count) for row in store.classes] == [
        ("rose", "train", 3),
        ("lily", "test", 2),
    ]
    assert store.name == "small-8"
    assert store.manifest["licence"]["attribution"] == "F. Lower (2026)"


@pytest.mark.parametrize("dataset", REGISTRY.variants)
def test_every_data_set_and_variant(dataset):
    assert f"`{dataset}`" in PAGE
    for variant in REGISTRY.variants[dataset]:
        assert f"`{variant}`" in PAGE


def test_downloads_add_up_to_what_it_says():
    used = {
        REGISTRY.variant(name).collection for name in ("mini_imagenet", "cub", "fc100", "cifar10")
    }
    total = sum(file.bytes for name in used for file in REGISTRY.collections[name].files)
    assert f"({total / 1e9:.1f} GB)" in PAGE
