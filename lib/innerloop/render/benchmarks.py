"""Wall time and peak memory of the study's jobs, as Snakemake's benchmarks recorded them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from innerloop.render.tabulation import MISSING
from innerloop.runtime.progress import duration


@dataclass(frozen=True)
class Benchmark:
    """One job: what it did, how long it took and how much memory it needed at its peak."""

    stage: str
    seconds: float
    megabytes: float


def benchmarks(folder: Path | str | None) -> dict[str, Benchmark]:
    """All benchmarks in a folder, by their path relative to it, without suffix.

    For a job that was stopped and continued, only the last part counts. The memory of a job that
    was too short for Snakemake to measure is NaN.
    """
    if folder is None:
        return {}
    root = Path(folder)
    files = sorted(root.rglob("*.tsv"))
    return {path.relative_to(root).with_suffix("").as_posix(): _read(path, root) for path in files}


def by_stage(measured: Iterable[Benchmark]) -> list[list[str]]:
    """Printed rows: stage, jobs, wall time of all, longest job, peak memory."""
    stages: dict[str, list[Benchmark]] = {}
    for benchmark in measured:
        stages.setdefault(benchmark.stage, []).append(benchmark)
    return [
        [
            stage,
            f"{len(jobs):,}",
            _time(sum(job.seconds for job in jobs)),
            _time(max(job.seconds for job in jobs)),
            memory(max((job.megabytes for job in jobs if job.megabytes > 0), default=math.nan)),
        ]
        for stage, jobs in sorted(stages.items())
    ]


def memory(megabytes: float) -> str:
    """An amount of memory as text, such as `350 MB` or `12.5 GB`."""
    if not math.isfinite(megabytes):
        return MISSING
    return f"{megabytes:,.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:,.1f} GB"


def _time(seconds: float) -> str:
    return duration(seconds) if math.isfinite(seconds) else MISSING


def _read(path: Path, root: Path) -> Benchmark:
    with path.open(encoding="utf-8") as file:
        row = next(csv.DictReader(file, delimiter="\t"), {})
    return Benchmark(
        _stage(path.relative_to(root)), _number(row.get("s")), _number(row.get("max_rss"))
    )


def _stage(path: Path) -> str:
    kind = path.parts[0]
    return path.parts[1] if kind == "measurements" and len(path.parts) > 2 else kind


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:  # Snakemake writes - or NA for what it did not measure
        return math.nan
