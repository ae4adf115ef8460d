"""Checkpoints of training in progress: saved often, in a folder that no failed job deletes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from innerloop.files import atomic_path


class Checkpoint:
    """One file that training continues from.

    Args:
        path: where; not a declared output of any rule.
        fingerprint: of the resolved parameters, code and data; another one starts over.
        every_seconds: how often `maybe_save` saves.
        say: told what was found.
    """

    def __init__(
        self,
        path: Path | str,
        fingerprint: str,
        every_seconds: float = 60.0,
        say: Callable[[str], None] = print,
    ) -> None:
        self.path, self.fingerprint, self.every_seconds = Path(path), fingerprint, every_seconds
        self._say = say
        self._saved = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The saved state, or nothing where there is none that fits."""
        if not self.path.is_file():
            return None
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            fingerprint, state = content["fingerprint"], content["state"]
        except Exception as error:  # torch raises many kinds for a damaged file
            self._say(f"starting over: checkpoint {self.path} is damaged ({error})")
            return None
        if fingerprint != self.fingerprint:
            self._say(f"starting over: checkpoint {self.path} belongs to other parameters")
            return None
        self._say(f"continuing at iteration {state['iteration']} from {self.path}")
        found: dict[str, Any] = state
        return found

    def save(self, state: Mapping[str, Any]) -> None:
        """Write the state, atomically."""
        with atomic_path(self.path) as temporary:
            torch.save({"fingerprint": self.fingerprint, "state": dict(state)}, temporary)
        self._saved = time.monotonic()

    def maybe_save(self, state: Callable[[], Mapping[str, Any]]) -> None:
        """Save if the last save is long enough ago."""
        if time.monotonic() - self._saved >= self.every_seconds:
            self.save(state())

    def remove(self) -> None:
        """Training has finished."""
        self.path.unlink(missing_ok=True)
