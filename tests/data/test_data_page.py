"""docs/data.md says of every file what a person needs who fetches it by hand."""

from __future__ import annotations

import pytest

from innerloop.code_digest import LIBRARY
from innerloop.data.acquire.registry import read_registry

PAGE = (LIBRARY.parents[1] / "docs/data.md").read_text()
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
