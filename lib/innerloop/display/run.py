"""A run of Snakemake in numbers: what is done, running and ahead, in estimated seconds."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from innerloop.display.announced import Announced, Announcement
from innerloop.runtime.progress import Reached, reached
from innerloop.study.forecast import Forecast

#: A log is read again after this many seconds.
_LOOK_AGAIN = 2.0
#: Maximum factor by which measured times correct estimates.
_MOST = 20.0
#: Share of its estimate that an overdue job is assumed to have left.
_OVERDUE = 0.1
#: Maximum share shown before everything is over.
_NEVER_ALL = 0.99
#: From this share on, a job's own progress determines how long it takes.
_TELLING = 0.05


@dataclass(kw_only=True)
class Job(Announced):
    """A job that has started.

    Attributes:
        started: when it started, on the run's clock.
        queued: whether it was handed to a cluster, where it may wait.
    """

    started: float
    queued: bool = False
    _looked: float = field(default=float("-inf"), repr=False)
    _progress: Reached | None = field(default=None, repr=False)

    def progress(self, now: float) -> Reached | None:
        """The last progress in its log, which is read every few seconds."""
        if self.log and now - self._looked >= _LOOK_AGAIN:
            self._looked, self._progress = now, reached(self.log)
        return self._progress


class Run:
    """One run, from its jobs' starts and ends.

    Args:
        announcement: the study and the jobs to be done, filled in by the Snakefile.
        clock: a clock in seconds.

    Attributes:
        running: number -> job.
        failed: jobs that failed for good, or until they are tried again.
        finished: number of jobs that have succeeded.
        total: number of jobs of the run; 0 if unknown.
    """

    def __init__(
        self, announcement: Announcement, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._announcement, self.clock = announcement, clock
        self.began = clock()
        self.running: dict[int, Job] = {}
        self.failed: dict[int, Job] = {}
        self.finished = self.total = 0
        self._furthest = 0.0  # largest share shown
        self._measured: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._started: set[int] = set()
        self._estimates: dict[tuple[Any, ...], float] = {}

    # ---- events ----------------------------------------------------------------------------

    def start(self, job: Job) -> None:
        """Record that a job starts, or is tried again."""
        self.failed.pop(job.number, None)
        self._started.add(job.number)
        self.running[job.number] = job

    def finish(self, number: int, seconds: float | None = None) -> Job | None:
        """Record that a job has succeeded: just now, or after so many seconds."""
        self.finished += 1
        job = self.running.pop(number, None)
        if job:
            estimate = self.estimate(job.rule, job.wildcards)
            if seconds is None:  # time in a queue does not tell how long such jobs take
                seconds = estimate if job.queued else self.clock() - job.started
            self._measured[job.rule].append((seconds, estimate))
        return job

    def fail(self, number: int) -> Job | None:
        """Record that a job has failed."""
        job = self.running.pop(number, None)
        if job:
            self.failed[number] = job
        return job

    # ---- what is left ----------------------------------------------------------------------

    @property
    def jobs(self) -> int:
        """Number of jobs of this run; 0 if unknown."""
        return max(self.total, len(self._announcement.jobs))

    @property
    def seconds_done(self) -> float:
        """Seconds of work done, by running jobs too."""
        ended = sum(seconds for rule in self._measured.values() for seconds, _ in rule)
        return ended + sum(self._spent(job) for job in self.running.values())

    @property
    def seconds_ahead(self) -> float:
        """Estimated seconds of work that is not yet done."""
        return sum(seconds for seconds, _ in self._left())

    @property
    def share_done(self) -> float:
        """The share of all work that is done, or of jobs if nothing else is known.

        It never falls: when more work turns out to be ahead, it waits until that is made up for.
        """
        done, ahead = self.seconds_done, self.seconds_ahead
        if not self._announcement.jobs:
            done, ahead = self.finished, self.jobs - self.finished
        share = done / (done + ahead) if done + ahead else 0.0
        over = self.finished == self.jobs > 0
        self._furthest = max(self._furthest, 1.0 if over else min(share, _NEVER_ALL))
        return self._furthest

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the run ends, if nothing fails; None if unknown."""
        left = self._left()
        if not self._announcement.jobs:
            return None
        area = sum(seconds * share for seconds, share in left)
        return max([area, *(seconds for seconds, _ in left)], default=0.0)

    def _left(self) -> list[tuple[float, float]]:
        """Estimated seconds of each job that has not ended, and its share of the machine."""
        found = []
        factors = {
            rule: self._factor(rule) for rule in {job.rule for job in self._announcement.jobs}
        }
        for job in self._announcement.jobs:
            if job.number in self.running:
                found.append((self.left_of(self.running[job.number]), job.share))
            elif job.number not in self._started:
                estimate = self.estimate(job.rule, job.wildcards) * factors[job.rule]
                found.append((estimate, job.share))
        return found

    def left_of(self, job: Job) -> float:
        """Estimated seconds that a running job has left, from its own progress if possible."""
        now = self.clock()
        progress = job.progress(now)
        if progress and progress.rate > 0:
            return (progress.total - progress.done) / progress.rate
        estimate = self.estimate(job.rule, job.wildcards) * self._factor(job.rule)
        return max(estimate - self._spent(job), _OVERDUE * estimate)

    def _spent(self, job: Job) -> float:
        """Seconds that a running job has worked, without time in a queue."""
        now = self.clock()
        if not job.queued:
            return now - job.started
        progress = job.progress(now)
        return progress.done / progress.rate if progress and progress.rate > 0 else 0.0

    def _factor(self, rule: str) -> float:
        """Ratio of measured to forecast times of a rule's jobs in this run."""
        measured = [*self._measured[rule], *self._telling(rule)]
        took = sum(seconds for seconds, _ in measured)
        estimated = sum(seconds for _, seconds in measured)
        factor = took / estimated if estimated else 1.0
        return min(max(factor, 1 / _MOST), _MOST)

    def _telling(self, rule: str) -> list[tuple[float, float]]:
        """Running jobs' total seconds by their own progress, and their estimates."""
        now, found = self.clock(), []
        for job in self.running.values():
            progress = job.progress(now) if job.rule == rule else None
            if progress and progress.rate > 0 and progress.done >= _TELLING * progress.total:
                estimate = self.estimate(job.rule, job.wildcards)
                found.append((progress.total / progress.rate, estimate))
        return found

    def estimate(self, rule: str, wildcards: Mapping[str, Any]) -> float:
        """Seconds that a job is forecast to take; 0 if nothing is known of its rule."""
        key = (rule, *wildcards.items())
        if key not in self._estimates:
            self._estimates[key] = 0.0
            if self._forecast is not None:
                with suppress(KeyError, ValueError):  # a rule of a workflow with Innerloop in it
                    self._estimates[key] = self._forecast.seconds(rule, wildcards)
        return self._estimates[key]

    @cached_property
    def _forecast(self) -> Forecast | None:
        study = self._announcement.study
        return Forecast(study) if study else None
