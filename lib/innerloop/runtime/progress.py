"""Progress of long work: a bar on a terminal, lines in a log file, and how such lines are read.

A line of a log:

    13:45:07  p1 maml on symbols 5w1s, seed 0: 89/200  8.78/s  13 s left  loss 1.387  accuracy 0.395
"""

from __future__ import annotations

import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
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
#: What a training logs when it is stopped; the display of the run looks for it.
SAVED = "saved at iteration {}; run again to go on"
_BAR_SECONDS = 0.1
_IN_MB = ", MB"
#: Bytes at the end of a log that hold its last progress line.
_TAIL_BYTES = 8192
_LINE = re.compile(
    r"^\d\d:\d\d:\d\d  (?P<what>.+): (?P<done>\d+)/(?P<total>\d+)  (?P<rate>[\d.]+)/s  "
    r".*? left(?P<figures>(?:  \S+ (?:[\d.+-]+|nan|-?inf))*)\s*$",
    re.MULTILINE,
)


def duration(seconds: float) -> str:
    """A length of time as people say it: 45 s, 12 min, 3.5 h, 12.1 d."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} d"


@dataclass(frozen=True)
class Reached:
    """The content of a progress line.

    Attributes:
        what: name of the work.
        done: finished steps.
        total: all steps.
        rate: steps a second.
        figures: the latest figures by name, such as loss and accuracy.
    """

    what: str
    done: int
    total: int
    rate: float
    figures: dict[str, float]

    @property
    def unit(self) -> str:
        """The unit of the steps, for bytes only."""
        return " MB" if self.what.endswith(_IN_MB) else ""


def reached(log: Path | str) -> Reached | None:
    """The content of a log file's last progress line; None if it has none."""
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    lines = list(_LINE.finditer(text))
    if not lines:
        return None
    last = lines[-1]
    words = last["figures"].split()
    figures = dict(zip(words[::2], map(float, words[1::2]), strict=True))
    return Reached(
        last["what"], int(last["done"]), int(last["total"]), float(last["rate"]), figures
    )


def say(text: str) -> None:
    """Write a line to a job's log, with the time of day."""
    with suppress(OSError):  # the log's disk may be full, and the work goes on
        print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Progress:
    """Shows finished steps of a known total, with rate, time left and the latest figures.

    On a terminal it draws a bar; otherwise it prints a line at most every `line_seconds`, and
    always the last one; if `quiet`, nothing.
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
        """Note that `count` more steps are done; `figures` are shown with them.

        Figures are read only when they are shown, so that not every step waits for the GPU.
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
            say(self._line(now, shown))

    def _line(self, now: float, shown: str) -> str:
        rate = (self._done - self._began_at) / max(now - self._began, 1e-9)
        left = duration((self._total - self._done) / rate) if rate > 0 else "? s"
        return (
            f"{self._what}: {self._done}/{self._total}  {rate:.2f}/s  {left} left  {shown}"
        ).rstrip()


class ByteProgress(Progress):
    """Counts bytes of a file, shown as megabytes."""

    def __init__(self, what: str, total: int, done: int = 0, quiet: bool = False) -> None:
        super().__init__(
            f"{what}{_IN_MB}", max(1, total // MEGABYTE), done // MEGABYTE, quiet=quiet
        )

    def reach(self, position: int) -> None:
        """Note that all bytes before a position are done."""
        moved = position // MEGABYTE - self._done
        if moved > 0:
            self.advance(moved)
