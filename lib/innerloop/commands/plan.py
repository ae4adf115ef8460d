"""Jobs, hours and wall time of a study, before it is run.

    innerloop plan --configfile config/paper.yaml
    innerloop plan --configfile config/paper.yaml mine.yaml --slots 1 8 64 --measured trial.yaml

Estimates, from the study file and from how fast jobs were measured to run: within a factor of two
or three where that was on your machine. The speed is that of the study's own finished jobs if there
are any, or, with `--measured`, of another study's; else of the machines that Innerloop knows.
"""

from __future__ import annotations

import argparse
import heapq
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from innerloop.study.forecast import Forecast
from innerloop.study.reading import merged_study
from innerloop.study.sizing import TOGETHER
from innerloop.study.speeds import Speeds
from innerloop.study.study import Study

#: Rules that only read images: they compute nothing on a GPU.
READING = ("build_images", "measure_raw_pixels")


@dataclass(frozen=True)
class PlannedJob:
    """A job, and the seconds it is expected to take."""

    rule: str
    seconds: float


@dataclass(frozen=True)
class Chain:
    """Jobs that wait for one another: a model's training, then what is measured of it."""

    first: PlannedJob
    then: tuple[PlannedJob, ...] = ()

    @property
    def jobs(self) -> tuple[PlannedJob, ...]:
        """All of them."""
        return (self.first, *self.then)

    @property
    def seconds(self) -> float:
        """From its start to its end, where nothing waits for a slot."""
        return self.first.seconds + max((job.seconds for job in self.then), default=0.0)


def main(argv: list[str]) -> None:
    """Print the plan of a study."""
    parser = argparse.ArgumentParser(
        prog="innerloop plan", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--configfile", nargs="+", default=["config/config.yaml"], help="as for snakemake"
    )
    parser.add_argument(
        "--slots", nargs="+", type=_positive, default=[1, 4, 16], help="jobs that run at once"
    )
    parser.add_argument(
        "--measured", nargs="+", help="file of a study that ran on such a machine, here"
    )
    arguments = parser.parse_args(argv)
    study = _read(arguments.configfile)
    measured = arguments.measured and Speeds.shipped().measured(_read(arguments.measured))
    print("\n".join(described(study, Forecast(study, measured), arguments.slots)))


def _read(files: Sequence[str]) -> Study:
    return Study(merged_study(files))


def described(study: Study, forecast: Forecast, slots: Sequence[int]) -> Iterator[str]:
    """The plan in words, line by line."""
    chains = planned(forecast)
    jobs = [job for each in chains for job in each.jobs]
    yield f"{study.name}: {study.config['title']}"
    yield ""
    yield _row("rule", "jobs", "median", "longest", "together")
    for rule in dict.fromkeys(job.rule for job in jobs):
        yield _seconds_row(rule, [job.seconds for job in jobs if job.rule == rule])
    yield _seconds_row("all", [job.seconds for job in jobs])
    yield ""
    submitted = sum(1 + bool(each.then) for each in chains)
    yield f"through SLURM: {submitted} jobs, since what is measured of a model goes together"
    hours = sum(job.seconds for job in jobs if job.rule not in READING) / 3600
    if study.compute["device"] == "cpu":
        yield f"core hours: {hours * study.compute['threads']:,.1f}"
    else:
        yield f"GPU hours: {hours:,.1f}"
    for count in slots:
        yield f"wall time with {count} at once: {shown(wall_seconds(chains, count))}"
    yield ""
    yield "Not counted: downloads, time in a queue, and the local jobs (splits, episodes, tables,"
    yield "figures, report), which take seconds each. The estimates rest on"
    for stage, speed in forecast.speeds.applied(study).items():
        yield f"    {stage}: {speed.per_second:,.0f} {speed.unit}/s, {speed.where}"


def planned(forecast: Forecast) -> list[Chain]:
    """Every job that computes; a job that waits for another is in its chain."""
    chains: list[Chain] = []
    for job in forecast.jobs:
        one = PlannedJob(job.rule, forecast.seconds(job.rule, job.wildcards))
        if job.rule in TOGETHER:  # its model's training is the last that was listed
            chains[-1] = Chain(chains[-1].first, (*chains[-1].then, one))
        else:
            chains.append(Chain(one))
    return chains


def wall_seconds(chains: Sequence[Chain], slots: int) -> float:
    """Wall time with so many jobs at once: first jobs in turn, the longest chains first."""
    free = [0.0] * slots  # when each slot is free
    after: list[tuple[float, PlannedJob]] = []  # when a job may start, and the job
    for each in sorted(chains, key=lambda each: -each.seconds):
        end = heapq.heappop(free) + each.first.seconds
        heapq.heappush(free, end)
        after += [(end, job) for job in each.then]
    for may_start, job in sorted(after, key=lambda item: item[0]):
        heapq.heappush(free, max(heapq.heappop(free), may_start) + job.seconds)
    return max(free)


def shown(seconds: float) -> str:
    """A length of time as people say it: 45 s, 12 min, 3.5 h, 12 d."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def _seconds_row(name: str, seconds: Sequence[float]) -> str:
    times = (statistics.median(seconds), max(seconds), sum(seconds))
    return _row(name, str(len(seconds)), *map(shown, times))


def _row(name: str, *cells: str) -> str:
    return f"{name:<20}" + "".join(f"{cell:>12}" for cell in cells)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got '{text}'")
    return int(text)
