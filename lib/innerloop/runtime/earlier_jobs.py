"""Jobs that a killed Snakemake has left behind, on this machine or in SLURM's queue.

They continue, but a new Snakemake does not know of them and would make the same files again. So a
new run is refused until they have ended.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from innerloop.runtime.errors import EarlierJobsError
from innerloop.runtime.run_lock import is_snakemake

_FORMAT = "%A|%T|%Z|%k"
#: The folder of the workflow's programs.
SCRIPTS = "workflow_scripts"
#: Programs that Snakemake starts before and after its jobs; they write no rule's output.
_NO_JOBS = frozenset({"rehearse", "write_partial_report"})


@dataclass(frozen=True)
class EarlierJob:
    """A job that is queued or running.

    Attributes:
        number: SLURM's job id, or the process id.
        state: SLURM's state, or "on this machine".
        makes: the rule and its wildcards, or the program's name.
    """

    number: str
    state: str
    makes: str


def local_jobs(folder: Path) -> list[EarlierJob]:
    """Programs of rules that run in a folder on this machine without a Snakemake as parent."""
    jobs = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            scripts = [Path(word) for word in words if word.endswith(".py")]
            program = next((s.stem for s in scripts if s.parent.name == SCRIPTS), None)
            if not program or program in _NO_JOBS:
                continue
            if Path(process.cwd()) == folder.resolve() and not _has_snakemake(process):
                jobs.append(EarlierJob(str(process.pid), "on this machine", program))
        except psutil.Error:  # it has ended, or is another user's
            continue
    return jobs


def _has_snakemake(process: psutil.Process) -> bool:
    return any(is_snakemake(parent) for parent in process.parents())


def slurm_jobs(folder: Path, *, expected: bool = False) -> list[EarlierJob]:
    """This user's unfinished SLURM jobs that a Snakemake submitted from a folder.

    Args:
        folder: the folder that Snakemake runs in.
        expected: whether SLURM must be here; if not, there are no jobs without it.

    Raises:
        EarlierJobsError: SLURM does not answer, or not as it should.
    """
    try:
        listed = subprocess.run(
            ["squeue", "--me", "--noheader", f"--format={_FORMAT}"],
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip
        rows = [line.split("|", maxsplit=3) for line in listed.splitlines()]
        if odd := [row for row in rows if len(row) != len(_FORMAT.split("|"))]:
            raise ValueError(f"it wrote {'|'.join(odd[0])!r}")
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and not expected:
            return []
        why = (getattr(error, "stderr", None) or "").strip() or error
        raise EarlierJobsError(
            f"squeue does not answer ({why}), so it is unknown whether jobs of an earlier run "
            "are still there; try again when it does"
        ) from error
    jobs = []
    for number, state, place, comment in rows:
        # the comment that Snakemake's SLURM executor gives its jobs
        if comment.startswith("rule_") and Path(place) == folder.resolve():
            jobs.append(EarlierJob(number, state, comment.removeprefix("rule_")))
    return jobs


def require_none(folder: Path, *, slurm: bool) -> None:
    """Refuse to begin while jobs of an earlier run are unfinished.

    Args:
        folder: the folder that Snakemake runs in.
        slurm: whether to ask SLURM, too.

    Raises:
        EarlierJobsError: there are some; the message lists them and says what to do.
    """
    jobs = [*local_jobs(folder), *(slurm_jobs(folder) if slurm else [])]
    if jobs:
        listed = "\n".join(f"    {job.number} {job.state} {job.makes}" for job in jobs)
        raise EarlierJobsError(
            f"Jobs of an earlier run from this folder have not finished:\n{listed}\n"
            "Their files would be made twice. Run `innerloop wait` (or stop them by "
            f"{'scancel' if slurm else 'kill'}), then start again: trainings resume where they were"
        )
