"""Progress of long work: a bar on a terminal, lines in a log file."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, SupportsFloat

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

MEGABYTE = 1_000_000
_BAR_SECONDS = 0.1


class Progress:
    """Counts finished steps of known number, with rate, time left and the latest figures.

    On a terminal it draws a bar; otherwise it prints a line at most every `line_seconds`, and
    always the last one; when quiet, nothing.
    """

    def __init__(
        self, what: str, total: int, done: int = 0, line_seconds: float = 10.0, quiet: bool = False
    ) -> None:
        self._what, self._total, self._done, self._began_at = what, total, done, done
        self._began = self._last = time.monotonic()
        self._bar: Bar | None = None
        self._quiet, self._every = quiet, line_seconds
        if sys.stderr.isatty() and not quiet:
            columns = (
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[figures]}"),
            )  # fmt: skip
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(what, total=total, completed=done, figures="")
            self._every = _BAR_SECONDS

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, count: int = 1, **figures: SupportsFloat) -> None:
        """Note that `count` more steps are done; `figures` are shown beside.

        They are read only when something is shown, so that a GPU is not waited for every step.
        """
        self._done += count
        now = time.monotonic()
        if self._quiet or (now - self._last < self._every and self._done < self._total):
            return
        self._last = now
        shown = "  ".join(f"{name} {float(value):.3f}" for name, value in figures.items())
        if self._bar:
            self._bar.update(self._task, completed=self._done, figures=shown)
        else:
            print(self._line(now, shown), file=sys.stderr, flush=True)

    def _line(self, now: float, shown: str) -> str:
        rate = (self._done - self._began_at) / max(now - self._began, 1e-9)
        left = (self._total - self._done) / rate if rate > 0 else float("nan")
        return (
            f"{self._what}: {self._done}/{self._total}  {rate:.2f}/s  {left:.0f} s left  {shown}"
        ).rstrip()


class ByteProgress(Progress):
    """Counts bytes of a file, shown as megabytes."""

    def __init__(self, what: str, total: int, done: int = 0, quiet: bool = False) -> None:
        super().__init__(f"{what}, MB", max(1, total // MEGABYTE), done // MEGABYTE, quiet=quiet)

    def reach(self, position: int) -> None:
        """Note that everything before a position is done."""
        moved = position // MEGABYTE - self._done
        if moved > 0:
            self.advance(moved)
