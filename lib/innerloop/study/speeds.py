"""How fast jobs compute, as measured: shipped with Innerloop, or from one of your own studies."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import read_json
from innerloop.study import workload
from innerloop.study.study import Study
from innerloop.study.workload import Work, jobs_of

#: Seconds in which a job imports its libraries and reads its files.
STARTUP = 3.0
#: Shorter jobs say more about the start-up time than about the speed.
_LONG_ENOUGH = 2 * STARTUP
_SHIPPED = Path(__file__).parent / "speeds.csv"
#: Stages that read images on one thread of the host, whatever the device.
_READING = ("build", "pixels")


@dataclass(frozen=True)
class Speed:
    """How fast one kind of job computes.

    Attributes:
        per_second: work of one CPU thread, or one GPU, per second.
        unit: the unit of the work: GFLOP, or images.
        where: what it was measured on.
    """

    per_second: float
    unit: str
    where: str


class Speeds:
    """Seconds that work takes on a kind of device.

    Args:
        known: (device, stage) -> speed; devices are cpu and cuda, stages those of `Work`.
    """

    def __init__(self, known: Mapping[tuple[str, str], Speed]) -> None:
        self._known = dict(known)

    @classmethod
    def shipped(cls) -> Speeds:
        """The speeds shipped with Innerloop."""
        with _SHIPPED.open(newline="", encoding="utf-8") as file:
            return cls(
                {
                    (row["device"], row["stage"]): Speed(
                        float(row["per_second"]), row["unit"], row["where"]
                    )
                    for row in csv.DictReader(file)
                }
            )

    @classmethod
    def known(cls, study: Study) -> Speeds:
        """Speeds from the benchmarks of a study's own jobs, or else those shipped."""
        with suppress(ConfigError):  # it has not run yet, or not for long enough
            return cls.shipped().measured(study)
        return cls.shipped()

    def measured(self, study: Study) -> Speeds:
        """These speeds, updated with those in the benchmarks of a study's finished jobs.

        Args:
            study: a study that ran here; its benchmarks are in results/<its name>.

        Raises:
            ConfigError: none of its jobs ran, or none long enough to tell.
        """
        rates: dict[tuple[str, str], list[float]] = defaultdict(list)
        for work, seconds in _finished(study):
            if seconds >= _LONG_ENOUGH:
                rate = work.amount / (seconds - STARTUP) / _threads(study, work.stage)
                rates[_device(study, work.stage), work.stage].append(rate)
        results = Path("results") / study.name
        if not rates:
            raise ConfigError(
                f"{results}/benchmarks has no job of study '{study.name}' that took "
                f"{_LONG_ENOUGH:.0f} s or more: too short to tell how fast one runs"
            )
        found = {
            key: Speed(
                statistics.median(values),
                self._known[key].unit,
                f"{results}: median of {len(values)} job{'s'[: len(values) - 1]}",
            )
            for key, values in rates.items()
        }
        return Speeds({**self._known, **found})

    def applied(self, study: Study) -> dict[str, Speed]:
        """The speeds that apply to a study, by stage."""
        stages = dict.fromkeys(stage for _, stage in self._known)
        return {stage: self._known[_device(study, stage), stage] for stage in stages}

    def seconds(self, study: Study, work: Work) -> float:
        """Seconds that a study's job takes."""
        speed = self._known[_device(study, work.stage), work.stage]
        return STARTUP + work.amount / speed.per_second / _threads(study, work.stage)


def _device(study: Study, stage: str) -> str:
    return "cpu" if stage in _READING else study.compute.device.partition(":")[0]


def _threads(study: Study, stage: str) -> int:
    """The factor of a speed: the number of threads on a CPU, 1 on a GPU."""
    on_cpu = _device(study, stage) == "cpu"
    return study.compute.threads if on_cpu and stage not in _READING else 1


def _finished(study: Study) -> Iterator[tuple[Work, float]]:
    """Work and seconds of every job with a benchmark."""
    for job in jobs_of(study):
        file = job.benchmark(study)
        if file.is_file():
            seconds = _seconds_of(file) + _earlier_seconds(job.output(study).with_name("run.json"))
            yield workload.of(study, job.rule, job.wildcards), seconds


def _seconds_of(benchmark: Path) -> float:
    with benchmark.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return float(rows[-1]["s"])


def _earlier_seconds(run: Path) -> float:
    """Seconds of a continued training before its last job, which a benchmark does not include."""
    return float(read_json(run).get("earlier_seconds", 0)) if run.is_file() else 0.0
