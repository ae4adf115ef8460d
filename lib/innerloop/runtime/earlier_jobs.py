"""Jobs of a Snakemake that no longer runs: killed, it leaves them behind, here or in SLURM's queue.

They go on, but a new Snakemake does not know of them: it would make the same things a second time.
So it is refused while they run.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from innerloop.runtime.errors import EarlierJobsError
from innerloop.runtime.run_lock import is_snakemake

_FORMAT = "%A|%T|%Z|%k"
#: The folder that the workflow's programs lie in.
SCRIPTS = "workflow_scripts"
#: Programs that Snakemake starts before and after its jobs: nothing that a rule makes is theirs.
_NO_JOBS = frozenset({"rehearse", "write_partial_report"})


@dataclass(frozen=True)
class EarlierJob:
    """A job that is queued or runs: its id, its state, and what it makes.

    Attributes:
        number: SLURM's, or of the process.
        state: SLURM's, or "on this machine".
        makes: rule and wildcards, or the program.
    """

    number: str
    state: str
    makes: str


def local_jobs(folder: Path) -> list[EarlierJob]:
    """Programs of rules that run in a folder on this machine, and belong to no Snakemake."""
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


def slurm_jobs(folder: Path) -> list[EarlierJob]:
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


def require_none(folder: Path, *, slurm: bool) -> None:
    """Refuse to begin while jobs of an earlier run are unfinished.

    Args:
        folder: that Snakemake runs in.
        slurm: whether to ask SLURM, too.

    Raises:
        EarlierJobsError: naming them, and what to do.
    """
    jobs = [*local_jobs(folder), *(slurm_jobs(folder) if slurm else [])]
    if jobs:
        listed = "\n".join(f"    {job.number} {job.state} {job.makes}" for job in jobs)
        raise EarlierJobsError(
            f"Jobs of an earlier run from this folder are not done:\n{listed}\n"
            "What they make would be made twice. Run `innerloop wait` (or stop them by "
            f"{'scancel' if slurm else 'kill'}), then start again: trainings go on where they were"
        )
