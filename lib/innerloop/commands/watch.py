"""What a run of Snakemake is doing, from another terminal: all trainings, their curves, time left.

    innerloop watch              the most recent run in this folder
    innerloop watch demo         the most recent run of a study
    innerloop watch --once       print a few lines for a log, and exit

It only reads files, so it also works for jobs on a cluster, from any machine that sees the folder.
The time left is estimated from what is done and from the trainings' speed, without time in a queue.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from innerloop.commands import NAME_OR_FOLDER, folder_of, parser_of
from innerloop.display.screen import bar, state, summary
from innerloop.display.watched import Watched
from innerloop.study.model_key import ModelKey

_MODEL = "{protocol} {variant} on {dataset} {setting}, seed {seed}"
#: Lines of the terminal that do not show jobs.
_OTHER_LINES = 6
#: Characters for a curve's point at eight heights.
_HEIGHTS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 20


def main(argv: list[str]) -> None:
    """Show a run until it is over, or once."""
    parser = parser_of("watch", __doc__)
    parser.add_argument(
        "study", nargs="?", type=folder_of, help=f"{NAME_OR_FOLDER} (default: that of the last run)"
    )
    parser.add_argument("--once", action="store_true", help="print a few lines for a log, and exit")
    parser.add_argument(
        "--every", type=float, default=5, help="seconds between updates (default: 5)"
    )
    arguments = parser.parse_args(argv)
    watched = Watched(arguments.study and arguments.study.name)
    watched.look()
    if arguments.once:
        print("\n".join(lines(watched)))
        return
    console = Console()
    with Live(console=console, auto_refresh=False) as live:
        live.update(picture(watched, console.height), refresh=True)
        while not watched.over:
            if not console.is_terminal:  # a file or a pipe gets the page only at the end
                print("\n".join(lines(watched)), flush=True)
            time.sleep(arguments.every)
            watched.look()
            live.update(picture(watched, console.height), refresh=True)
    print(_end(watched))


def lines(watched: Watched) -> Iterator[str]:
    """The progress of the whole, and each running or failed job with its machine."""
    so_far = ", ".join(filter(None, (summary(watched.run), _where(watched))))
    yield f"{watched.study.name}: {so_far}"
    now = watched.run.clock()
    for number, job in watched.run.running.items():
        yield f"    {job.what}, on {watched.hosts[number]}: {state(job, now)}"
    for number, job in watched.run.failed.items():
        yield f"    stopped on {watched.hosts[number]}: {job.what}; {job.log} says why"


def picture(watched: Watched, height: int) -> RenderableType:
    """The run as a page of a terminal: running trainings, other running jobs, finished trainings.

    Args:
        watched: the run.
        height: number of lines of the terminal.
    """
    run, now = watched.run, watched.run.clock()
    curves = list(watched.curves())
    rows = [
        (*_curve(key, values), watched.hosts[job.number], state(job, now))
        for key, job, values in curves
        if job
    ]
    rows += [
        (job.what, "", "", "", watched.hosts[job.number], state(job, now))
        for job in run.running.values()
        if job.rule != "train_model"
    ]
    rows += [(*_curve(key, values), "", "") for key, job, values in curves if not job]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    # columns that may be long share the width that the others leave
    table.add_column("training", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("validation accuracy", no_wrap=True, width=_CURVE_WIDTH)
    for name in ("last", "best"):
        table.add_column(name, no_wrap=True, width=len("100.0 %"), justify="right")
    table.add_column("on", no_wrap=True, overflow="ellipsis", width=8)
    table.add_column("now", no_wrap=True, overflow="ellipsis", ratio=4)
    room = max(1, height - _OTHER_LINES)
    for row in rows[:room]:
        table.add_row(*row)
    more = f"and {len(rows) - room} more" if len(rows) > room else ""
    return Group(watched.study.title, bar(run), _where(watched), table, more)


def _curve(key: ModelKey, values: list[float]) -> tuple[str, str, str, str]:
    best = max(filter(math.isfinite, values), default=math.nan)
    last = values[-1] if values else math.nan
    return key.fill(_MODEL), sparkline(values), _percent(last), _percent(best)


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else ""


def _where(watched: Watched) -> str:
    """How many jobs are running on each machine."""
    hosts = Counter(watched.hosts[number] for number in watched.run.running)
    return ", ".join(f"{count} running on {host}" for host, count in sorted(hosts.items()))


def _end(watched: Watched) -> str:
    """The last line, once there is no more to watch."""
    run = watched.run
    if run.finished == run.jobs:
        return f"{watched.study.name}: all is done"
    return f"{watched.study.name}: Snakemake has ended; {run.jobs - run.finished} jobs are not done"


def sparkline(values: list[float], width: int = _CURVE_WIDTH) -> str:
    """A curve in one line of text, scaled from its smallest to its largest finite value.

    Args:
        values: the points; if there are more than `width`, the last of each of `width` equal parts
            is shown.
        width: maximum number of characters.
    """
    count = min(width, len(values))
    shown = [values[(number + 1) * len(values) // count - 1] for number in range(count)]
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), (max(finite) - min(finite)) or 1.0
    steps = len(_HEIGHTS) - 1
    return "".join(
        _HEIGHTS[round((value - low) / span * steps)] if math.isfinite(value) else " "
        for value in shown
    )
