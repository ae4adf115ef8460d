"""Removes Snakemake's lock on a folder if the run that held it was killed, and only then.

A lock does not say who holds it, so a run records itself before it takes the lock, and again
together with the lock once it has it.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from innerloop.runtime.files import read_json, write_json

LOCKS = Path(".snakemake/locks")
OWNER = Path(".snakemake/innerloop/owner.json")


def note_who_begins(folder: Path) -> None:
    """Record that this process may take the folder's lock, unless another run may hold it."""
    with suppress(OSError):  # where nothing can be written, no lock is taken
        if not (folder / OWNER).exists() or not may_run(folder):
            _note(folder, {})


def note_owner(folder: Path) -> None:
    """Record that this process holds the folder's lock."""
    _note(folder, _locks(folder))


def _note(folder: Path, locks: Mapping[str, int]) -> None:
    process = psutil.Process()
    write_json(
        folder / OWNER,
        {**_machine(), "pid": process.pid, "started": process.create_time(), "locks": locks},
    )


def remove_dead_lock(folder: Path) -> bool:
    """Remove the folder's lock if the run recorded as its owner was killed.

    Returns:
        Whether it was removed. A lock is left to `snakemake --unlock` if its owner is running, ran
        on another machine or in another container, or is not recorded.
    """
    try:
        owner, locks = read_json(folder / OWNER), _locks(folder)
        if not locks or owner["locks"] not in ({}, locks) or _owner_may_run(owner):
            return False
        if not owner["locks"]:  # killed while taking it, unless another run has taken it since
            began = (folder / OWNER).stat().st_mtime_ns
            if min(locks.values()) < began or _another_snakemake(folder):
                return False
    except (OSError, ValueError, KeyError, TypeError):  # no owner recorded, or by another version
        return False
    shutil.rmtree(folder / LOCKS, ignore_errors=True)
    return True


def may_run(folder: Path) -> bool:
    """Whether the last run in a folder may still be running, as far as this machine can tell."""
    try:
        return _owner_may_run(read_json(folder / OWNER))
    except (OSError, ValueError, KeyError, TypeError):  # no owner recorded, or by another version
        return True


def is_snakemake(process: psutil.Process) -> bool:
    """Whether a process is a Snakemake.

    Raises:
        psutil.Error: it has ended, or is another user's.
    """
    return any(Path(word).name == "snakemake" for word in process.cmdline()[:3])


def _another_snakemake(folder: Path) -> bool:
    """Whether a Snakemake other than this process's runs in a folder on this machine."""
    this = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            here = Path(process.cwd()) == folder.resolve()
            if here and process.pid not in this and is_snakemake(process):
                return True
    return False


def _owner_may_run(owner: dict[str, Any]) -> bool:
    here = _machine()
    if owner["host"] != here["host"]:
        return True
    if owner["boot"] != here["boot"]:
        return False
    if owner["processes"] != here["processes"]:
        return True
    try:
        return bool(psutil.Process(owner["pid"]).create_time() == owner["started"])
    except psutil.NoSuchProcess:
        return False


def _machine() -> dict[str, str]:
    """Host name, boot id and process-id namespace: where a process id means the same process."""
    boot = processes = ""
    with suppress(OSError):  # only Linux has these
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        processes = str(Path("/proc/self/ns/pid").readlink())
    return {"host": platform.node(), "boot": boot, "processes": processes}


def _locks(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in (folder / LOCKS).glob("*.lock")}
