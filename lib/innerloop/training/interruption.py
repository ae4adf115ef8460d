"""Signals that end a program become a question that training asks between iterations."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether the job has been asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Note SIGTERM, SIGINT and SIGHUP instead of dying, so that the work in hand can be saved."""
    asked = Interruption()

    def note(number: int, frame: FrameType | None) -> None:
        asked.signal = number

    # under nohup a lost connection is no reason to stop
    kinds = [signal.SIGTERM, signal.SIGINT]
    kinds += [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL else []
    before = {kind: signal.signal(kind, note) for kind in kinds}
    try:
        yield asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
