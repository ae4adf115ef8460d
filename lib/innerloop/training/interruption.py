"""Signals that would end the process set a flag, which training checks between iterations."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """The signal that asked the job to stop, if any; true if one did."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Record SIGTERM, SIGINT and SIGHUP instead of dying, so that work in progress can be saved."""
    interruption = Interruption()

    def note(number: int, frame: FrameType | None) -> None:
        interruption.signal = number

    # under nohup, SIGHUP is ignored and stays so
    kinds = [signal.SIGTERM, signal.SIGINT]
    kinds += [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL else []
    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield interruption
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
