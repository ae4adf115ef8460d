"""Checkpoints of training in progress: saved often, in a folder that no failed job deletes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from innerloop.runtime.files import atomic_path, remove_leftovers, short_digest


class Checkpoint:
    """A file that training continues from, and the one before it in case that is damaged.

    Its name is the digest of the fingerprint: a training under other parameters, code or data
    neither continues it nor replaces it, and who goes back to the earlier ones goes on from there.

    Args:
        folder: of all the model's checkpoints; not a declared output of any rule.
        fingerprint: of the resolved parameters, code and data.
        every_seconds: how often `maybe_save` saves.
        say: told what was found.
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

    @property
    def previous(self) -> Path:
        """The checkpoint before the last one."""
        return self.path.with_name(f"{self.path.name}.previous")

    def read(self) -> dict[str, Any] | None:
        """The last saved state that can be read, or nothing where none fits."""
        others = sorted(self.path.parent.glob("[!.]*.pt"))
        others = [path for path in others if path != self.path]
        if others:
            self._say(
                f"{len(others)} checkpoint(s) of this model under other parameters, code or data "
                f"are left in {self.path.parent}, for going back to those; delete them if you will "
                "not"
            )
        there = [path for path in (self.path, self.previous) if path.is_file()]
        for path in there:
            state = self._read(path)
            if state is not None:
                self._say(f"continuing at iteration {state['iteration']} from {path}")
                return state
        if there:
            self._say("starting over")
        return None

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            fingerprint, state = content["fingerprint"], content["state"]
        except Exception as error:  # torch raises many kinds for a damaged file
            self._say(f"checkpoint {path} is damaged and left aside ({error})")
            return None
        if fingerprint != self.fingerprint:
            self._say(f"checkpoint {path} is not what its name says and is left aside")
            return None
        found: dict[str, Any] = state
        return found

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state, atomically: at any moment there is a whole checkpoint."""
        with atomic_path(self.path) as temporary:
            torch.save({"fingerprint": self.fingerprint, "state": dict(state)}, temporary)
            with suppress(FileNotFoundError):  # the first; or another job of this model moved it
                self.path.replace(self.previous)
        self._saved = time.monotonic()

    def maybe_save(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Save if the last save is long enough ago."""
        if time.monotonic() - self._saved >= self.every_seconds:
            self.save(state())

    def remove(self) -> None:
        """Training under this fingerprint has finished; checkpoints of others are theirs."""
        self.path.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)
        remove_leftovers(self.path)
        with suppress(OSError):  # not empty, or never made
            self.path.parent.rmdir()
