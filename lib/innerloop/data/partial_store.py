"""An image store under construction: what a killed build leaves, for the next one to continue."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.image_store import CLASSES, IMAGES, MANIFEST
from innerloop.runtime.errors import DataError
from innerloop.runtime.files import read_json, write_json

PARTIAL, PLAN, DONE = ".partial", "plan.json", "done.json"


class PartialStore:
    """The array of a store that is being built in `<folder>/.partial`.

    Rows are finished in order, so one number records the progress.

    Args:
        folder: the store's folder.
        plan: everything that determines the array's content; what an earlier build left under
            another plan is discarded.
        shape: [N, 3, size, size].

    Raises:
        DataError: there is no room for the array.
    """

    def __init__(self, folder: Path, plan: Mapping[str, Any], shape: tuple[int, ...]) -> None:
        self.folder = folder / PARTIAL
        self._target = folder
        if not self._continues(plan):
            self.discard()
            self.folder.mkdir()
            self.images = np.lib.format.open_memmap(
                self.folder / IMAGES, mode="w+", dtype=np.uint8, shape=shape
            )
            self._reserve()
            self.done = 0
            write_json(self.folder / PLAN, plan)
        else:
            self.images = np.load(self.folder / IMAGES, mmap_mode="r+")
            self.done = int(read_json(self.folder / DONE))

    def _continues(self, plan: Mapping[str, Any]) -> bool:
        try:
            return bool(read_json(self.folder / PLAN) == plan and (self.folder / DONE).exists())
        except (OSError, ValueError):
            return False

    def mark(self, done: int) -> None:
        """Record that all rows before `done` are written, once they are on the disk."""
        self.images.flush()  # type: ignore[attr-defined]
        self.done = done
        write_json(self.folder / DONE, done)

    def finish(self) -> None:
        """Move the complete store to its place."""
        # the old manifest goes first, the new one comes last: a crash in between leaves no store
        (self._target / MANIFEST).unlink(missing_ok=True)
        for name in (IMAGES, CLASSES, MANIFEST):
            (self.folder / name).replace(self._target / name)
        self.discard()

    def discard(self) -> None:
        """Delete the partial store."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _reserve(self) -> None:
        """Take the disk space now: a mapped file on a full disk would kill the process."""
        path = self.folder / IMAGES
        size = path.stat().st_size
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            self.discard()
            raise DataError(
                f"{self._target}: no room for {size} bytes of images ({error.strerror}); make "
                "room, or put resources/ on another disk"
            ) from error
