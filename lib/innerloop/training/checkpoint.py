"""Checkpoints of training in progress, in a folder that Snakemake does not delete on failure."""

from __future__ import annotations

import fcntl
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TextIO

import torch

from innerloop.runtime.errors import CheckpointError, DiskError
from innerloop.runtime.files import short_digest
from innerloop.training.model_file import write_tensors


class Checkpoint:
    """The file that a training continues from, and the one before in case the file is damaged.

    Its name is the digest of the fingerprint: a training under other parameters, code or data
    neither continues from it nor replaces it, so that going back to the earlier ones continues it.

    Args:
        folder: for all of the model's checkpoints; not a declared output of any rule.
        fingerprint: of the resolved parameters, code and data.
        every_seconds: the interval at which `maybe_save` saves.
        say: called with messages for the log.
    """

    def __init__(
        self,
        folder: Path | str,
        fingerprint: str,
        every_seconds: float = 60.0,
        say: Callable[[str], None] = print,
    ) -> None:
        self.path = Path(folder) / f"{short_digest(fingerprint)}.pt"
        self.fingerprint, self.every_seconds = fingerprint, every_seconds
        self._say = say
        self._saved = time.monotonic()
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        """Lock all of the model's checkpoints; the lock ends with the process, however it ends.

        Raises:
            CheckpointError: another process has locked them.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self._lock_file.open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            lock.close()
            raise CheckpointError(
                f"{self.path.parent}: {holder} trains this model now; wait for it (innerloop "
                "wait), or end it"
            ) from error
        except OSError:  # some network disks do not support locks
            lock.close()
            return self
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {platform.node()}")
        lock.flush()
        self._lock = lock
        return self

    def __exit__(self, *error: object) -> None:
        if self._lock is not None:
            self._lock_file.unlink(missing_ok=True)
            self._lock.close()
            self._remove_folder()

    @property
    def _lock_file(self) -> Path:
        return self.path.with_name(".lock")

    @property
    def previous(self) -> Path:
        """The checkpoint before the last one."""
        return self.path.with_name(f"{self.path.name}.previous")

    @property
    def newest(self) -> Path:
        """A complete one, which exists if the job was killed before renaming it to the last."""
        return self.path.with_name(f"{self.path.name}.newest")

    def read(self) -> dict[str, Any] | None:
        """The last saved state that can be read; None if there is none."""
        others = sorted(self.path.parent.glob("[!.]*.pt"))
        others = [path for path in others if path != self.path]
        if others:
            self._say(
                f"{len(others)} checkpoint(s) of this model under other parameters, code or data "
                f"are left in {self.path.parent}, in case you go back to these; otherwise delete "
                "them"
            )
        paths = [path for path in (self.newest, self.path, self.previous) if path.is_file()]
        for path in paths:
            state = self._read(path)
            if state is not None:
                self._say(f"continuing at iteration {state['iteration']} from {path}")
                return state
        if paths:
            self._say("starting over")
        return None

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            fingerprint, state = content["fingerprint"], content["state"]
        except Exception as error:  # torch raises many kinds for a damaged file
            why = str(error).partition("\n")[0]  # the rest advises to execute the file's code
            self._say(f"checkpoint {path} is damaged and not used ({why})")
            return None
        if fingerprint != self.fingerprint:
            self._say(f"checkpoint {path} is not what its name says and is not used")
            return None
        found: dict[str, Any] = state
        return found

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state, atomically: at any moment there is a complete checkpoint.

        Raises:
            DiskError: it cannot be written; the checkpoint before is still there.
        """
        write_tensors({"fingerprint": self.fingerprint, "state": dict(state)}, self.newest)
        with suppress(FileNotFoundError):  # the first
            self.path.replace(self.previous)
        self.newest.replace(self.path)
        self._saved = time.monotonic()

    def maybe_save(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Save if the last attempt is long enough ago; a disk error does not end the training."""
        if time.monotonic() - self._saved < self.every_seconds:
            return
        try:
            self.save(state())
        except DiskError as error:
            self._saved = time.monotonic()
            self._say(f"WARNING: no checkpoint is saved, and the training goes on: {error}")

    def remove(self) -> None:
        """Remove this fingerprint's checkpoints, after the training; others are left."""
        for path in self.path.parent.glob(f"*{self.path.name}*"):  # also what killed jobs left
            path.unlink(missing_ok=True)
        self._remove_folder()

    def _remove_folder(self) -> None:
        with suppress(OSError):  # not empty, or it does not exist
            self.path.parent.rmdir()
