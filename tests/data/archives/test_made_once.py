"""Folders that are made once: whole or not at all, and again where they lost something."""

from __future__ import annotations

import threading

import pytest

from innerloop.data.archives.made_once import made_once
from innerloop.runtime.errors import DataError


def test_it_is_made_once(tmp_path):
    calls = []
    for _ in range(2):
        made_once(tmp_path / "out", lambda partial: calls.append(partial))
    assert len(calls) == 1


def test_what_a_killed_run_left_is_thrown_away(tmp_path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "half").touch()
    made_once(tmp_path / "out", lambda partial: (partial / "whole").touch())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["whole"]


def test_an_error_leaves_nothing(tmp_path):
    def fail(partial):
        (partial / "half").touch()
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        made_once(tmp_path / "out", fail)
    assert {path.name for path in tmp_path.iterdir()} == {".lock"}


def test_a_full_disk_is_one_message(tmp_path):
    def full(partial):
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"out: cannot be read or written \(No space left"):
        made_once(tmp_path / "out", full)


def test_two_runs_at_once(tmp_path):
    calls, both_in = [], threading.Event()

    def make(partial):
        calls.append(partial)
        if len(calls) == 2:
            both_in.set()
            return
        second.start()
        both_in.wait(0.5)  # the other one's chance
        (partial / "whole").touch()

    second = threading.Thread(target=lambda: made_once(tmp_path / "out", make))
    made_once(tmp_path / "out", make)
    second.join()
    assert len(calls) == 1


def purge(folder):
    (folder / "deep/a").unlink()


def truncate(folder):
    (folder / "b").write_bytes(b"")


def add(folder):
    (folder / "c").touch()


@pytest.mark.parametrize("change", [purge, truncate, add])
def test_what_is_no_longer_whole_is_made_again(tmp_path, change):
    def make(partial):
        (partial / "deep").mkdir()
        (partial / "deep/a").write_bytes(b"a")
        (partial / "b").write_bytes(b"b")

    change(made_once(tmp_path / "out", make))
    folder = made_once(tmp_path / "out", make)
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert found == {"deep/a": b"a", "b": b"b"}
