"""SLURM jobs of a Snakemake that no longer runs: killed, it leaves them behind.

They go on and their results count, but a new Snakemake does not know of them: it would make the
same things a second time. So it is refused while they run.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from innerloop.runtime.errors import EarlierJobsError

_FORMAT = "%A|%T|%Z|%k"


@dataclass(frozen=True)
class EarlierJob:
    """A job that is queued or runs: its id, its state, and what it makes."""

    number: str
    state: str
    makes: str


def earlier_jobs(folder: Path) -> list[EarlierJob]:
    """This user's unfinished SLURM jobs that a Snakemake submitted from a folder.

    Without SLURM there are none.

    Raises:
        EarlierJobsError: SLURM does not answer.
    """
    try:
        listed = subprocess.run(
            ["squeue", "--me", "--noheader", f"--format={_FORMAT}"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip
    except FileNotFoundError:
        return []
    except subprocess.SubprocessError as error:
        raise EarlierJobsError(
            f"squeue does not answer ({error}), so it is unknown whether jobs of an earlier run "
            "are still there; try again when it does"
        ) from error
    jobs = []
    for line in listed.splitlines():
        number, state, place, comment = line.split("|", maxsplit=3)
        # the comment that Snakemake's SLURM executor gives its jobs
        if comment.startswith("rule_") and Path(place) == folder.resolve():
            jobs.append(EarlierJob(number, state, comment.removeprefix("rule_")))
    return jobs


def require_none(folder: Path) -> None:
    """Refuse to begin while jobs of an earlier run are unfinished.

    Raises:
        EarlierJobsError: naming them, and what to do.
    """
    jobs = earlier_jobs(folder)
    if jobs:
        listed = "\n".join(f"    {job.number} {job.state} {job.makes}" for job in jobs)
        raise EarlierJobsError(
            f"{len(jobs)} SLURM jobs of an earlier run from this folder are not done:\n{listed}\n"
            "What they make would be made twice. Run `innerloop wait` (or scancel them), then "
            "start again: what they finish is kept"
        )
