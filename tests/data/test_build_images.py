"""Building from pictures that can be read in any order: in parallel, continued, bounded."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from innerloop.data import build_images as builder
from innerloop.data import partial_store
from innerloop.data.build_images import build_images, resize
from innerloop.data.catalogue import ClassEntry
from innerloop.data.image_store import ImageStore
from innerloop.data.sources.base import UNSTATED, IndexedSource
from innerloop.runtime.errors import DataError

COUNT, SIZE = 23, 6


class Colours:
    """Every picture is another grey; notes who read which."""

    native_size, licence, packages = SIZE, UNSTATED, ()
    window, split_name = 1.0, "test"

    def __init__(self, version="1"):
        self.read: list[int] = []
        self.version = version

    def catalogue(self):
        return [ClassEntry("a", "train", 11), ClassEntry("b", "test", COUNT - 11)]

    def pictures(self):
        return map(self.picture, range(COUNT))

    def fingerprint(self):
        return self.version

    def picture(self, row):
        self.read.append(row)
        return Image.new("RGB", (9, 9), (row, row, row))


class StopsAt(Colours):
    """Raises at one picture."""

    def __init__(self, stop, error):
        super().__init__()
        self.stop, self.error = stop, error

    def picture(self, row):
        if row == self.stop:
            raise self.error
        return super().picture(row)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(builder, "BATCH", 5)


def build(source, folder, **options) -> ImageStore:
    return build_images(source, "greys", SIZE, folder, progress=False, entry="greys", **options)


def check(store) -> None:
    store.verify()
    np.testing.assert_array_equal(store.images[:, 0, 0, 0], np.arange(COUNT))


def test_it_is_an_indexed_source():
    assert isinstance(Colours(), IndexedSource)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(tmp_path, threads):
    check(build(Colours(), tmp_path, threads=threads))


def test_several_threads_decode(tmp_path):
    meeting = threading.Barrier(3, timeout=30)  # passes when three are in at once

    class Meeting(Colours):
        def picture(self, row):
            if row < 3:
                meeting.wait()
            return super().picture(row)

    check(build(Meeting(), tmp_path, threads=3))


def test_the_manifest_says_what_was_built(tmp_path):
    origin = {"f.tgz": {"sha256": "0", "md5": "1", "origin": "own file"}}
    store = build(Colours(), tmp_path, variant="dark", origin=origin)
    assert store.manifest["variant"] == "dark"
    assert store.manifest["files"] == origin
    assert store.manifest["splits"] == "test"
    assert store.name == f"dark-{SIZE}"
    assert build(Colours(), tmp_path / "plain").name == str(SIZE)


class TestContinued:
    def test_after_an_interruption(self, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            build(StopsAt(12, KeyboardInterrupt()), tmp_path)
        again = Colours()
        check(build(again, tmp_path))
        assert min(again.read) == 10
        assert not (tmp_path / partial_store.PARTIAL).exists()

    def test_after_a_kill(self, tmp_path):
        class Killed(Colours):
            def picture(self, row):
                if row == 17:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().picture(row)

        child = multiprocessing.get_context("fork").Process(target=build, args=(Killed(), tmp_path))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        again = Colours()
        check(build(again, tmp_path))
        assert min(again.read) == 15

    @pytest.mark.parametrize("change", [{"variant": "other"}, {"origin": {"f": {"md5": "2"}}}])
    def test_not_where_something_else_is_built(self, tmp_path, change):
        with pytest.raises(KeyboardInterrupt):
            build(StopsAt(12, KeyboardInterrupt()), tmp_path)
        again = Colours()
        build(again, tmp_path, **change)
        assert sorted(again.read) == list(range(COUNT))

    def test_not_where_a_picture_may_have_changed(self, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            build(StopsAt(12, KeyboardInterrupt()), tmp_path)
        again = Colours(version="2")
        build(again, tmp_path)
        assert sorted(again.read) == list(range(COUNT))


def test_a_bad_picture_leaves_nothing_new_and_the_older_store(tmp_path):
    build(Colours(), tmp_path)
    with pytest.raises(DataError, match="broken"):
        build(StopsAt(12, DataError("broken")), tmp_path)
    assert not (tmp_path / partial_store.PARTIAL).exists()
    check(ImageStore.open(tmp_path))


def test_pictures_must_be_rgb(tmp_path):
    class Grey(Colours):
        def picture(self, row):
            return super().picture(row).convert("L")

    with pytest.raises(DataError, match=r"Grey, picture \d+ is in mode L, expected RGB"):
        build(Grey(), tmp_path)


def test_a_full_disk_is_seen_before_anything_is_decoded(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(partial_store.os, "posix_fallocate", full)
    source = Colours()
    with pytest.raises(DataError, match=r"no room for \d+ bytes of images \(No space left"):
        build(source, tmp_path)
    assert source.read == []
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_two_builds_at_once(tmp_path):
    class Starts(Colours):
        def picture(self, row):
            if row == 3:
                second.start()
            return super().picture(row)

    second = threading.Thread(target=lambda: check(build(Colours(), tmp_path)))
    check(build(Starts(), tmp_path))
    second.join()
    check(ImageStore.open(tmp_path))


def test_the_array_is_written_to_a_mapped_file(tmp_path, monkeypatch):
    kinds: list[type] = []
    mark = partial_store.PartialStore.mark

    def noted(self, done):
        kinds.append(type(self.images))
        mark(self, done)

    monkeypatch.setattr(partial_store.PartialStore, "mark", noted)
    build(Colours(), tmp_path)
    assert set(kinds) == {np.memmap}


@pytest.mark.parametrize("side", [(500, 375), (96, 96), (333, 500)])
def test_the_window_is_a_squash_to_96_and_a_cut_to_84(side):
    noise = np.random.default_rng(0).integers(0, 256, (side[1], side[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    cut = picture.resize((96, 96), Image.Resampling.BOX).crop((6, 6, 90, 90))
    found = resize(picture, 84, window=84 / 96)
    difference = np.asarray(found, dtype=int) - np.asarray(cut, dtype=int)
    assert np.abs(difference).max() <= 1


def test_half_the_size_is_the_same_window(tmp_path):
    picture = Image.linear_gradient("L").convert("RGB")
    small, large = (resize(picture, size, window=0.5) for size in (28, 56))
    shrunk = large.resize((28, 28), Image.Resampling.BOX)
    assert np.abs(np.asarray(small, dtype=int) - np.asarray(shrunk, dtype=int)).max() <= 2


def test_path_may_be_text(tmp_path):
    assert Path(build(Colours(), str(tmp_path)).folder) == tmp_path


def test_what_reached_the_disk_is_read_again(tmp_path, monkeypatch):
    """A store whose bytes are not those that were written never appears."""
    written = builder.content_digest

    def damaged(images, classes):
        digest = written(images, classes)
        images[0, 0, 0, 0] ^= 1
        return digest

    monkeypatch.setattr(builder, "content_digest", damaged)
    with pytest.raises(DataError, match="has changed since it was built"):
        build_images(Colours(), "colours", 8, tmp_path / "store", progress=False)
    assert not (tmp_path / "store/manifest.json").exists()
    assert not (tmp_path / "store/.partial").exists()
