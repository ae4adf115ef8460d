"""Jobs, hours and wall time of a study, before it is run.

    innerloop plan --configfile config/paper.yaml
    innerloop plan --configfile config/paper.yaml mine.yaml --slots 1 8 64 --measured trial.yaml
    innerloop plan --configfile config/paper.yaml --power docs/results/compact

These are estimates, from the study file and measured speeds. They are right within a factor of
two or three if the speeds were measured on your machine. Speeds are those of the study's own
finished jobs, if there are any, or with `--measured` those of another study; otherwise those of
machines that Innerloop knows. "Left" is what results/ in this folder lacks, or has with other
parameters. `--power` adds what each claim can detect, and how many trainings, classes or tasks
would decide it.
"""

from __future__ import annotations

import argparse
import heapq
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from innerloop.commands import parser_of
from innerloop.networks.counts import counts_of
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.gpu_slots import visible_gpus
from innerloop.runtime.progress import duration
from innerloop.runtime.typed_json import as_json
from innerloop.study.done import done
from innerloop.study.forecast import Forecast
from innerloop.study.overlays import merged_study
from innerloop.study.sizing import TOGETHER
from innerloop.study.speeds import Speeds
from innerloop.study.study import Study
from innerloop.study.workload import Job

#: The study file that is planned by default, as for Snakemake.
DEFAULT = "config/config.yaml"
#: Rules that only read images: they compute nothing on a GPU.
READING = ("build_images", "measure_raw_pixels")


@dataclass(frozen=True)
class PlannedJob:
    """A job, and the seconds it is expected to take."""

    rule: str
    seconds: float


@dataclass(frozen=True)
class Chain:
    """Jobs that wait for one another: a model's training, then its measurements."""

    first: PlannedJob
    then: tuple[PlannedJob, ...] = ()

    @property
    def jobs(self) -> tuple[PlannedJob, ...]:
        """All jobs of the chain."""
        return (self.first, *self.then)

    @property
    def seconds(self) -> float:
        """From its start to its end, if no job waits for a slot."""
        return self.first.seconds + max((job.seconds for job in self.then), default=0.0)


def main(argv: list[str]) -> None:
    """Print the plan of a study."""
    parser = parser_of("plan", __doc__)
    parser.add_argument(
        "--configfile", nargs="+", metavar="FILE",
        help=f"the study's files, later ones override earlier ones, as for snakemake ({DEFAULT})",
    )  # fmt: skip
    parser.add_argument(
        "--slots", nargs="+", type=_positive, metavar="N",
        help="the wall time with N jobs at once, for each N (default: what this machine takes)",
    )  # fmt: skip
    parser.add_argument(
        "--measured", nargs="+", metavar="FILE",
        help="the files of another study that has run in this folder, such as a short trial:\n"
        "its benchmarks say how fast this machine is",
    )  # fmt: skip
    parser.add_argument(
        "--power", type=Path, metavar="FOLDER",
        help="results of a pilot, or a record of results: print what each claim can detect,\n"
        "given their variances",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    if not arguments.configfile and not Path(DEFAULT).is_file():
        raise ConfigError(
            f"there is no {DEFAULT} in {Path.cwd()}: go to the workflow's folder, or name a study "
            "file after --configfile"
        )
    study = _read(arguments.configfile or [DEFAULT])
    count_networks(study)
    measured = arguments.measured and Speeds.shipped().measured(_read(arguments.measured))
    slots = arguments.slots or [slots_here(study)]
    print("\n".join(described(study, Forecast(study, measured), slots)))
    if arguments.power:
        # pandas and scipy take a second, which no other plan needs
        from innerloop.commands import power

        print("", *power.described(study, arguments.power), sep="\n")


def count_networks(study: Study) -> None:
    """Count the operations of networks other than Conv4, unless they are known."""
    networks = {
        canonical_json(as_json(model.network)): model.network for model in study.models.values()
    }
    for options in networks.values():
        if counts_of(options) is None:
            # torch takes seconds, which no plan of Conv4 needs
            from innerloop.networks.counting import remember_counts

            remember_counts(options)


def _read(files: Sequence[str]) -> Study:
    return Study(merged_study(files), files=files)


def slots_here(study: Study) -> int:
    """Number of jobs that this machine runs at once, by its cores or its GPUs."""
    if study.compute.device == "cpu":
        return max(1, len(os.sched_getaffinity(0)) // study.compute.threads)
    return max(1, len(visible_gpus())) * study.compute.jobs_per_gpu


def described(study: Study, forecast: Forecast, slots: Sequence[int]) -> Iterator[str]:
    """The plan in words, line by line."""
    whole, left = planned(forecast), planned(forecast, done(study))
    jobs, remaining = (
        [job for each in chains for job in each.jobs if job.seconds] for chains in (whole, left)
    )
    yield f"{study.name}: {study.title}"
    for sweep in study.sweeps:
        sizes = {
            key: len({*map(str, (p[key] for p in sweep.points.values()))}) for key in sweep.keys
        }
        swept = " x ".join(f"{size} {key}" for key, size in sizes.items())
        yield f"sweep of {sweep.name} ({sweep.protocol}): {swept} = {len(sweep.points)} variants"
    yield ""
    yield _row("rule", "jobs", "median", "longest", "together", "jobs left", "left")
    for rule in dict.fromkeys(job.rule for job in jobs):
        yield _seconds_row(rule, *(_seconds(each, rule) for each in (jobs, remaining)))
    yield _seconds_row("all", *(_seconds(each) for each in (jobs, remaining)))
    yield ""
    submitted = sum(1 + bool(each.then) for each in whole)
    yield f"through SLURM: {submitted} jobs, since what is measured of a model goes together"
    on_cpu = study.compute.device == "cpu"
    seconds = [
        sum(job.seconds for job in each if job.rule not in READING)
        * (study.compute.threads if on_cpu else 1)
        for each in (jobs, remaining)
    ]  # fmt: skip
    unit, length = ("hours", 3600) if seconds[0] >= 3600 else ("minutes", 60)
    amounts = [f"{each / length:,.1f}" for each in seconds]
    yield f"{'core' if on_cpu else 'GPU'} {unit}: {amounts[0]}, left: {amounts[1]}"
    for count in slots:
        times = [duration(wall_seconds(chains, count)) for chains in (whole, left)]
        yield f"wall time with {count} at once: {times[0]}, left: {times[1]}"
    yield ""
    yield "Not counted: downloads, time in a queue, and the local jobs (splits, episodes, tables,"
    yield "figures, report), which take seconds each. The estimates rest on"
    for stage, speed in forecast.speeds.applied(study).items():
        yield f"    {stage}: {speed.per_second:,.0f} {speed.unit}/s, {speed.where}"


def planned(forecast: Forecast, is_done: Callable[[Job], bool] = lambda job: False) -> list[Chain]:
    """Chains of every job that computes, in which finished jobs take no time."""
    chains: list[Chain] = []
    for job in forecast.jobs:
        seconds = 0.0 if is_done(job) else forecast.seconds(job.rule, job.wildcards)
        one = PlannedJob(job.rule, seconds)
        if job.rule in TOGETHER:  # its model's training was listed last
            chains[-1] = Chain(chains[-1].first, (*chains[-1].then, one))
        else:
            chains.append(Chain(one))
    return chains


def wall_seconds(chains: Sequence[Chain], slots: int) -> float:
    """Wall time with `slots` jobs at once: all first jobs, longest chain first, then the others."""
    free = [0.0] * slots  # when each slot is free
    after: list[tuple[float, PlannedJob]] = []  # when a job may start, and the job
    for each in sorted(chains, key=lambda each: -each.seconds):
        end = heapq.heappop(free) + each.first.seconds
        heapq.heappush(free, end)
        after += [(end, job) for job in each.then]
    for may_start, job in sorted(after, key=lambda item: item[0]):
        heapq.heappush(free, max(heapq.heappop(free), may_start) + job.seconds)
    return max(free)


def _seconds(jobs: Sequence[PlannedJob], rule: str | None = None) -> list[float]:
    return [job.seconds for job in jobs if rule in (None, job.rule)]


def _seconds_row(name: str, whole: Sequence[float], left: Sequence[float]) -> str:
    times = (statistics.median(whole), max(whole), sum(whole))
    return _row(name, str(len(whole)), *map(duration, times), str(len(left)), duration(sum(left)))


def _row(name: str, *cells: str) -> str:
    return f"{name:<20}" + "".join(f"{cell:>12}" for cell in cells)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got '{text}'")
    return int(text)
