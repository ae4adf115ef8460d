"""Progress of a long loop on stderr: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 10.0


def with_progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Pass the items on, telling how many of `total` are done, how fast, and the time left."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from _with_lines(items, total, label)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield from bar.track(items, total=total, description=label)


class _Rate(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


def _with_lines(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    start = latest = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - latest >= SECONDS_BETWEEN_LINES:
            latest, rate = now, done / (now - start)
            left = (total - done) / rate
            print(
                f"{label}: {done:,} of {total:,}, {rate:,.0f}/s, {left:.0f} s left", file=sys.stderr
            )
    print(f"{label}: {done:,} in {time.monotonic() - start:.1f} s", file=sys.stderr)
