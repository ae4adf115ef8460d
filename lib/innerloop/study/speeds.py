"""How fast jobs compute: measured facts, those that ship or those of an earlier study of yours."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from innerloop.errors import ConfigError
from innerloop.files import read_json
from innerloop.study import paths, workload
from innerloop.study.study import Study
from innerloop.study.workload import Work

#: Seconds in which a job imports its libraries and reads its files.
STARTUP = 3.0
#: Shorter jobs say more of the start than of the speed.
_LONG_ENOUGH = 2 * STARTUP
_SHIPPED = Path(__file__).parent / "speeds.csv"


@dataclass(frozen=True)
class Speed:
    """How fast one kind of job computes.

    Attributes:
        gflop_per_second: of one CPU thread, or of one GPU.
        where: what it was measured on.
    """

    gflop_per_second: float
    where: str


class Speeds:
    """Seconds that work takes on a kind of device.

    Args:
        known: (device, stage) -> speed; devices are cpu and cuda, stages train and measure.
    """

    def __init__(self, known: Mapping[tuple[str, str], Speed]) -> None:
        self._known = dict(known)

    @classmethod
    def shipped(cls) -> Speeds:
        """The facts that come with Innerloop."""
        with _SHIPPED.open(newline="") as file:
            return cls(
                {
                    (row["device"], row["stage"]): Speed(
                        float(row["gflop_per_second"]), row["where"]
                    )
                    for row in csv.DictReader(file)
                }
            )

    def measured(self, study: Study) -> Speeds:
        """The same, but for what the benchmarks of a study's finished jobs say.

        Args:
            study: one that ran here; its benchmarks are in results/<its name>.

        Raises:
            ConfigError: no job of it ran, or none long enough to tell.
        """
        results = Path("results") / study.name
        rates: dict[tuple[str, str], list[float]] = defaultdict(list)
        for work, seconds in _finished(study, results):
            if seconds >= _LONG_ENOUGH:
                rate = work.gflop / (seconds - STARTUP) / _threads(study)
                rates[_device(study), _stage(work)].append(rate)
        if not rates:
            raise ConfigError(
                f"{results}/benchmarks has no job of study '{study.name}' that took "
                f"{_LONG_ENOUGH:.0f} s or more: too short to tell how fast one runs"
            )
        found = {
            key: Speed(statistics.median(values), f"{results}: median of {len(values)} jobs")
            for key, values in rates.items()
        }
        return Speeds({**self._known, **found})

    def applied(self, study: Study) -> dict[str, Speed]:
        """The speeds that apply to a study, by stage."""
        return {stage: self._known[_device(study), stage] for stage in ("train", "measure")}

    def seconds(self, study: Study, work: Work) -> float:
        """Seconds that a study's job takes."""
        speed = self._known[_device(study), _stage(work)]
        return STARTUP + work.gflop / speed.gflop_per_second / _threads(study)


def _stage(work: Work) -> str:
    return "train" if work.trains else "measure"


def _device(study: Study) -> str:
    return str(study.compute["device"]).partition(":")[0]


def _threads(study: Study) -> int:
    """A GPU's speed is told whole, a CPU's by thread."""
    return int(study.compute["threads"]) if _device(study) == "cpu" else 1


def _finished(study: Study, results: Path) -> Iterator[tuple[Work, float]]:
    """Work and seconds of every job with a benchmark."""
    for key, model in study.models.items():
        jobs: list[tuple[str, str | None, str]] = [
            ("train_model", None, paths.MODEL),
            ("measure_accuracy", None, paths.ACCURACY),
            *(("measure_probe", name, paths.PROBE) for name in model.probes),
        ]
        for rule, probe, pattern in jobs:
            output = Path(key.fill(pattern, study=study.name, probe=probe))
            inside = output.relative_to(f"results/{study.name}").with_suffix(".tsv")
            file = results / "benchmarks" / inside
            if file.is_file():
                seconds = _seconds_of(file) + _earlier_seconds(output.with_name("run.json"))
                yield workload.of(study, rule, key, probe), seconds


def _seconds_of(benchmark: Path) -> float:
    with benchmark.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return float(rows[-1]["s"])


def _earlier_seconds(run: Path) -> float:
    """Seconds of a continued training before its last job: a benchmark has that one alone."""
    return float(read_json(run).get("earlier_seconds", 0)) if run.is_file() else 0.0
