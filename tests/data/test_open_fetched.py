"""`open_images` on data sets that are read from files: fetched, verified and built on first use."""

from __future__ import annotations

import numpy as np
import pytest

import file_server as answers
import innerloop
import miniatures
from file_server import FileServer
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.runtime.errors import ConfigError, DataError

EACH = 2


@pytest.fixture
def served():
    with FileServer() as server:
        yield server


@pytest.fixture
def opened(tmp_path, served):
    """Opens a data set whose miniatures are served."""
    files = {"cifar_10_python": miniatures.cifar10(EACH), "cub_200_2011": miniatures.cub(EACH)}
    for name, held in files.items():
        for file, content in held.items():
            served.give(f"/{name}/{file}", answers.whole(content))
    registry = tmp_path / "registry.toml"
    registry.write_text(miniatures.registry_of(files, EACH, served.address), encoding="utf-8")

    def open_images(name, size=16, **options):
        return innerloop.open_images(name, size, tmp_path / "images", registry=registry, **options)

    return open_images


def test_the_terms_are_shown_when_it_is_built(opened, capsys):
    opened("cifar10")
    assert "cifar10: not stated; cite the author" in capsys.readouterr().err
    opened("cifar10")
    assert "cifar10:" not in capsys.readouterr().err


def test_it_is_fetched_and_built_once(opened, served, tmp_path):
    first = opened("cifar10")
    assert first.folder == tmp_path / "images/cifar10/python-16"
    assert (tmp_path / "raw/cifar_10_python/cifar-10-python.tar.gz").exists()
    assert opened("cifar10").digest == first.digest
    assert opened("cifar10", size=12).size == 12
    assert len(served.requests) == 1


def test_variants_are_stores_of_their_own(opened, served):
    centre = opened("cub", accept_licence=["cub"])
    whole = opened("cub", variant="whole", accept_licence=["cub"])
    assert (centre.name, whole.name) == ("centre-16", "whole-16")
    assert not np.array_equal(centre.images, whole.images)
    assert len(served.requests) == 1


def test_a_licence_must_be_accepted(opened, served):
    with pytest.raises(ConfigError, match=r"(?s)licence of cub .*accept_licence: \[cub\]"):
        opened("cub")
    assert served.requests == []


def test_files_may_be_moved_with_their_record(opened, tmp_path):
    built = opened("cifar10")
    (tmp_path / "raw").rename(tmp_path / "moved")
    record = tmp_path / "moved/cifar_10_python/fetched.json"
    files = FetchedFiles.read(record, {})
    assert files.files["cifar-10-python.tar.gz"].exists()
    assert files.origin == built.manifest["files"]


def test_unknown_names_and_variants(opened):
    with pytest.raises(DataError, match=r"known are symbols, .*, mini_imagenet, cub"):
        opened("birds")
    with pytest.raises(ConfigError, match="'cub' has no variant 'big'; choose centre, whole"):
        opened("cub", variant="big")
