"""Folders that are made once from verified files, and reused while they are complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from innerloop.runtime.disk_error import disk_error
from innerloop.runtime.files import read_json, write_json
from innerloop.runtime.one_at_a_time import alone_in


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills, completely or not at all; made again if files of it disappear.

    Of two runs at once, one makes it. What a killed run left is deleted.

    Raises:
        DataError: the disk is full or cannot be written to; and what `make` raises.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    listing = folder.with_name(f".{folder.name}.json")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(folder.parent):
            if not _is_whole(folder, listing):
                for old in (partial, folder):
                    shutil.rmtree(old, ignore_errors=True)
                partial.mkdir()
                try:
                    make(partial)
                    write_json(listing, _sizes(partial))
                    partial.rename(folder)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def _is_whole(folder: Path, listing: Path) -> bool:
    """Whether a folder still holds what was made: clusters delete old files one by one."""
    try:
        return bool(folder.is_dir() and read_json(listing) == _sizes(folder))
    except (OSError, ValueError):
        return False


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
