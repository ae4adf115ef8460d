"""A run of another process, here or on a cluster, read back from its files.

The jobs are recorded when Snakemake starts; outputs, logs and curves show what has become of them.
So neither Snakemake nor SLURM nor the nodes are asked anything.
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from innerloop.display.announced import Announced, Announcement
from innerloop.display.run import Job, Run
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.failure import ATTEMPT, MARK
from innerloop.runtime.files import read_json
from innerloop.runtime.last_run import NOTED
from innerloop.runtime.progress import SAVED
from innerloop.runtime.run_lock import may_run
from innerloop.runtime.typed_json import from_json
from innerloop.study import paths
from innerloop.study.model_key import ModelKey, model_key
from innerloop.study.study import Study

#: A line in the last attempt's part of a log, once the attempt has failed or was stopped.
_OVER = re.compile(rf"^({MARK}|\w+Error: |\d\d:\d\d:\d\d  {SAVED.format('.*')})", re.MULTILINE)


@dataclass(frozen=True)
class Attempt:
    """The last attempt at a job, according to its log.

    Attributes:
        host: the machine.
        began: when it began, in seconds since the epoch.
        over: whether it has failed, or was stopped.
    """

    host: str
    began: float
    over: bool


def last_attempt(log: Path) -> Attempt | None:
    """The last attempt in a log; None if there is none, or no log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    attempts = list(ATTEMPT.finditer(text))
    if not attempts:
        return None
    last = attempts[-1]
    began = datetime.fromisoformat(f"{last['date']} {last['time']}").timestamp()
    return Attempt(last["host"], began, bool(_OVER.search(text, last.end())))


def validation(curve: Path) -> list[float]:
    """Validation accuracies of a training so far, in order; empty if it has not begun."""
    try:
        with curve.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "val"]
    except OSError:
        return []
    return [float(row["accuracy"]) for row in rows]


class Watched:
    """The last run of a study in this folder; `look` reads what has become of it.

    Args:
        name: the study's name; default: the one that was run last.
        clock: a clock in seconds since the epoch.

    Attributes:
        study: the study.
        run: the run in numbers.
        hosts: machine of each running job, by Snakemake's number.

    Raises:
        ConfigError: no such run was started in this folder.
    """

    def __init__(self, name: str | None = None, clock: Callable[[], float] = time.time) -> None:
        file = _noted(name)
        self._started, noted = file.stat().st_mtime, read_json(file)
        self.study = Study(noted["config"], checked=True)
        jobs = [from_json(Announced, job) for job in noted["jobs"]]
        # a target such as `all` does nothing
        self._left = {job.number: job for job in jobs if job.outputs}
        self.run = Run(Announcement(self.study, list(self._left.values())), clock)
        self._trainings = {
            model_key(job.wildcards): job for job in jobs if job.rule == "train_model"
        }
        self.hosts: dict[int, str] = {}

    def look(self) -> None:
        """Read what has changed."""
        for job in list(self._left.values()):
            written = self._written(job)
            attempt = last_attempt(Path(job.log)) if self._is_new(Path(job.log)) else None
            if written is not None:
                self._start(job, attempt or Attempt("", written, over=False))
                self.run.finish(job.number, written - self.run.running[job.number].started)
                del self._left[job.number]
            elif attempt is not None:
                self._start(job, attempt)
                self.hosts[job.number] = attempt.host
                if attempt.over:
                    self.run.fail(job.number)

    def _start(self, job: Announced, attempt: Attempt) -> None:
        running = self.run.running.get(job.number)
        if running is None or running.started != attempt.began:
            self.run.start(Job(**vars(job), started=attempt.began))

    def _written(self, job: Announced) -> float | None:
        """When the last of a job's outputs was written in this run; None if one is missing."""
        outputs = [Path(output) for output in job.outputs]
        new = all(self._is_new(output) for output in outputs)
        return max(output.stat().st_mtime for output in outputs) if new else None

    def _is_new(self, file: Path) -> bool:
        return file.is_file() and file.stat().st_mtime >= self._started

    @property
    def over(self) -> bool:
        """Whether the run is done, or its Snakemake is known to have ended."""
        return not self._left or not may_run(Path.cwd())

    def curves(self) -> Iterator[tuple[ModelKey, Job | None, list[float]]]:
        """Each training that has begun: model, job while it runs, and validation accuracies."""
        for key in self.study.models:
            announced = self._trainings.get(key)
            running = self.run.running.get(announced.number) if announced else None
            values = validation(Path(key.fill(paths.CURVE, study=self.study.name)))
            if values or running:
                yield key, running, values


def _noted(name: str | None) -> Path:
    pattern = Path(NOTED.format(study=name or "*"))
    noted = sorted(pattern.parent.glob(pattern.name), key=lambda file: file.stat().st_mtime)
    if not noted:
        of = f" of study '{name}'" if name else ""
        others = ", ".join(sorted(file.stem for file in pattern.parent.glob("*.json")))
        raise ConfigError(
            f"no run{of} was started in {Path.cwd()}"
            + (f"; there are runs of {others}" if others else ": go to Snakemake's folder")
        )
    return noted[-1]
