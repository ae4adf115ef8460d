"""The two ways to show a run: a live display on a terminal, lines elsewhere."""

from __future__ import annotations

import threading
import time
from typing import Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from innerloop.display.run import Job, Run
from innerloop.runtime.progress import duration

#: Seconds between two progress lines where there is no terminal.
LINE_SECONDS = 60.0
_REFRESHES_A_SECOND = 2
_BAR_WIDTH = 30
#: Rules whose finished jobs stay on a terminal; others are seen only while they run.
_KEPT = (
    "fetch_dataset", "build_images", "train_model", "measure_accuracy", "train_toy", "write_report"
)  # fmt: skip


class Screen(Protocol):
    """Where a run is shown. A thread holds `lock` while it changes the run or reads it."""

    lock: threading.RLock

    def started(self, job: Job) -> None:
        """A job has started."""

    def ended(self, job: Job, seconds: float, found: str) -> None:
        """A job has succeeded; `found` is what it measured."""

    def say(self, text: str, style: str = "") -> None:
        """Show a message that stays; the style is rich's, for terminals."""

    def close(self) -> None:
        """Nothing changes any more."""


def summary(run: Run) -> str:
    """The run's progress in one line."""
    left = run.seconds_left
    parts = [
        f"{run.share_done:.0%} of the work done" if run.jobs else "",
        f"about {duration(left)} left" if left is not None else "",
        f"{run.finished} of {run.jobs} jobs" if run.jobs else f"{run.finished} jobs",
        f"{len(run.failed)} failed" if run.failed else "",
    ]
    return ", ".join(filter(None, parts))


def state(job: Job, now: float) -> str:
    """A running job's progress, from its log, or else how long it has run."""
    progress = job.progress(now)
    if progress is None:
        since = duration(now - job.started)
        return f"submitted {since} ago" if job.queued else f"for {since}"
    left = (progress.total - progress.done) / progress.rate if progress.rate else None
    figures = ", ".join(f"{name} {value:.3f}" for name, value in progress.figures.items())
    parts = [
        f"{'iteration ' * (job.rule == 'train_model')}{progress.done}/{progress.total}"
        f"{progress.unit}",
        f"{progress.rate:.2f}{progress.unit}/s",
        f"{duration(left)} left" if left is not None else "",
        figures,
    ]
    return ", ".join(filter(None, parts))


def bar(run: Run) -> RenderableType:
    """The run's progress as a bar with its summary."""
    head = Table.grid(padding=(0, 2))
    head.add_row(
        ProgressBar(total=1.0, completed=run.share_done, width=_BAR_WIDTH),
        Text(summary(run), style="bold"),
    )
    return head


class Lines:
    """Plain lines: when a job starts and ends, and every minute the progress.

    Args:
        run: the run to show.
        stream: where to write.
        jobs: whether to report jobs one by one.
        progress: whether to report progress.
    """

    def __init__(
        self, run: Run, stream: TextIO, *, jobs: bool = True, progress: bool = True
    ) -> None:
        self.lock = threading.RLock()
        self._run, self._stream, self._jobs = run, stream, jobs
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)
        self._reports_progress = progress
        if progress:
            self._ticking.start()

    def started(self, job: Job) -> None:
        """A job has started."""
        if self._jobs:
            self.say(job.what)

    def ended(self, job: Job, seconds: float, found: str) -> None:
        """A job has succeeded."""
        if self._jobs:
            result = f": {found}" if found else ""
            self.say(f"done in {duration(seconds)}: {job.what}{result}")

    def say(self, text: str, style: str = "") -> None:
        """Print a message with the time of day."""
        first, *rest = text.splitlines() or [""]
        lines = [f"{time.strftime('%H:%M:%S')}  {first}", *(f"          {line}" for line in rest)]
        print("\n".join(line.rstrip() for line in lines), file=self._stream, flush=True)

    def progress(self) -> None:
        """Print a line on the run, and one for each job whose log shows its progress."""
        now = self._run.clock()
        self.say(summary(self._run))
        for job in self._run.running.values():
            if job.progress(now):
                self.say(f"    {job.what}: {state(job, now)}")

    def close(self) -> None:
        """Nothing changes any more."""
        self._over.set()
        if self._reports_progress:
            self._ticking.join()

    def _tick(self) -> None:
        while not self._over.wait(LINE_SECONDS):
            with self.lock:
                if self._run.running:
                    self.progress()


class Terminal:
    """A live display: a bar for the run, a line per running job; finished jobs scroll up above.

    Args:
        run: the run to show.
        console: where to show it.
        jobs: whether to report jobs that have ended.
    """

    def __init__(self, run: Run, console: Console, *, jobs: bool = True) -> None:
        self.lock = threading.RLock()
        self._run, self._console, self._jobs = run, console, jobs
        self._picture: RenderableType = ""
        self._live = Live(
            console=console,
            refresh_per_second=_REFRESHES_A_SECOND,
            get_renderable=self.picture,
            transient=True,
        )

    def started(self, job: Job) -> None:
        """A job has started."""
        if not self._live.is_started:
            self._live.start()

    def ended(self, job: Job, seconds: float, found: str) -> None:
        """A job has succeeded."""
        if self._jobs and (found or job.rule in _KEPT):
            text = Text.assemble(
                ("done  ", "green"), job.what, (f"  {duration(seconds)}", "dim"), f"  {found}"
            )
            self._console.print(text, highlight=False)

    def say(self, text: str, style: str = "") -> None:
        """Print a message that stays above the live part."""
        self._console.print(Text(text, style=style), highlight=False)

    def close(self) -> None:
        """Nothing changes any more."""
        self._live.stop()

    def picture(self) -> RenderableType:
        """The live part, or the previous one while another thread changes the run.

        It is drawn under rich's own lock, for which that thread may be waiting.
        """
        if self.lock.acquire(blocking=False):
            try:
                self._picture = self._drawn()
            finally:
                self.lock.release()
        return self._picture

    def _drawn(self) -> RenderableType:
        run, now = self._run, self._run.clock()
        jobs = Table.grid(padding=(0, 2))
        jobs.add_column(no_wrap=True, overflow="ellipsis")
        jobs.add_column(no_wrap=True, overflow="ellipsis", style="cyan")
        shown = max(1, self._console.height - 4)
        for job in list(run.running.values())[:shown]:
            jobs.add_row(job.what, state(job, now))
        more = len(run.running) - shown
        if more > 0:
            jobs.add_row(Text(f"and {more} more", style="dim"), "")
        return Group(bar(run), jobs)
