"""The lock of a run that was killed is removed; one that somebody may hold is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from innerloop.runtime.files import read_json, write_json
from innerloop.runtime.run_lock import (
    LOCKS,
    OWNER,
    may_run,
    note_owner,
    note_who_begins,
    remove_dead_lock,
)

NOTE = "from pathlib import Path; from innerloop.runtime.run_lock import *; note_owner(Path('.'))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that Snakemake has locked."""
    (tmp_path / LOCKS).mkdir(parents=True)
    for name in ("0.input.lock", "0.output.lock"):
        (tmp_path / LOCKS / name).write_text("results/a\n")
    return tmp_path


def held_by_a_dead_run(folder: Path, **changed: Any) -> Path:
    """As a process that has ended has left it, but for some of what it noted."""
    subprocess.run([sys.executable, "-c", NOTE], cwd=folder, check=True)
    write_json(folder / OWNER, {**read_json(folder / OWNER), **changed})
    return folder


def test_a_dead_run_s_lock_is_removed(folder: Path) -> None:
    assert remove_dead_lock(held_by_a_dead_run(folder))
    assert not (folder / LOCKS).exists()
    assert not remove_dead_lock(folder)


def test_a_number_that_was_given_away_again_is_no_life(folder: Path) -> None:
    assert remove_dead_lock(held_by_a_dead_run(folder, pid=os.getpid()))


def test_nothing_runs_after_the_machine_was_started_again(folder: Path) -> None:
    note_owner(folder)
    write_json(folder / OWNER, {**read_json(folder / OWNER), "boot": "another"})
    assert remove_dead_lock(folder)


def test_a_run_s_own_lock_stays(folder: Path) -> None:
    note_owner(folder)
    assert not remove_dead_lock(folder)
    assert len([*(folder / LOCKS).iterdir()]) == 2


@pytest.mark.parametrize(
    "changed", [{"host": "another"}, {"processes": "pid:[1]"}, {"locks": {"a": 1}}]
)
def test_what_cannot_be_known_to_be_dead_stays(folder: Path, changed: dict[str, Any]) -> None:
    assert not remove_dead_lock(held_by_a_dead_run(folder, **changed))


def test_a_later_lock_is_another_s(folder: Path) -> None:
    held_by_a_dead_run(folder)
    os.utime(folder / LOCKS / "0.input.lock", ns=(1, 1))
    assert not remove_dead_lock(folder)


def killed_while_it_took_the_lock(folder: Path) -> Path:
    """As a process has left it that was killed before it could note which lock it had."""
    begins = NOTE.replace("note_owner", "note_who_begins")
    subprocess.run([sys.executable, "-c", begins], cwd=folder, check=True)
    for lock in (folder / LOCKS).iterdir():
        os.utime(lock)
    return folder


def test_a_lock_that_was_just_taken_is_removed(folder: Path) -> None:
    assert remove_dead_lock(killed_while_it_took_the_lock(folder))
    assert not (folder / LOCKS).exists()


def test_a_lock_from_before_it_began_is_another_s(folder: Path) -> None:
    killed_while_it_took_the_lock(folder)
    os.utime(folder / LOCKS / "0.input.lock", ns=(1, 1))
    assert not remove_dead_lock(folder)


def test_a_lock_that_a_running_snakemake_may_hold_stays(folder: Path) -> None:
    killed_while_it_took_the_lock(folder)
    (folder / "snakemake").write_text("input()")
    with subprocess.Popen(
        [sys.executable, "snakemake"], cwd=folder, stdin=subprocess.PIPE, text=True
    ) as running:
        assert not remove_dead_lock(folder)
        running.communicate("\n")
    assert remove_dead_lock(folder)


def test_who_begins_takes_no_other_s_place(folder: Path) -> None:
    note_owner(folder)
    noted = (folder / OWNER).read_bytes()
    note_who_begins(folder)
    assert (folder / OWNER).read_bytes() == noted
    killed = read_json(held_by_a_dead_run(folder) / OWNER)
    note_who_begins(folder)
    assert read_json(folder / OWNER) == {**read_json(folder / OWNER), "locks": {}}
    assert read_json(folder / OWNER)["pid"] != killed["pid"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"locks": 7}', '{"locks": {"a": 1}}'])
def test_a_note_that_is_none_changes_nothing(folder: Path, content: str) -> None:
    (folder / OWNER).parent.mkdir(parents=True)
    (folder / OWNER).write_text(content)
    assert not remove_dead_lock(folder)


def test_a_run_may_go_on_unless_it_is_known_to_have_ended(folder: Path) -> None:
    assert may_run(folder)  # none was noted
    note_owner(folder)
    assert may_run(folder)
    assert may_run(held_by_a_dead_run(folder, host="another"))
    assert not may_run(held_by_a_dead_run(folder))
