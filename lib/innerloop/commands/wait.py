"""Wait for the jobs that a killed Snakemake left behind, on this machine or a cluster.

    innerloop wait && snakemake --workflow-profile profiles/slurm

While these jobs run, a new Snakemake refuses to start, since it would do the same work twice.
Where squeue does not answer, it says so and goes on waiting until it does.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from innerloop.commands import parser_of
from innerloop.runtime.earlier_jobs import local_jobs, slurm_jobs
from innerloop.runtime.errors import EarlierJobsError


def main(argv: list[str]) -> None:
    """Return when no job of this folder is queued or running."""
    parser = parser_of("wait", __doc__)
    parser.add_argument(
        "--every", type=float, default=30, help="seconds between checks (default: 30)"
    )
    every = parser.parse_args(argv).every
    slurm, shown = shutil.which("squeue") is not None, ""
    while now := _unfinished(slurm):
        if now != shown:
            print(now, flush=True)
        shown = now
        time.sleep(every)
    where = "" if slurm else " on this machine; without squeue, no cluster was asked"
    print(f"no job of an earlier run is left in this folder{where}")


def _unfinished(slurm: bool) -> str:
    """Which jobs are unfinished, or that this is unknown; empty if there are none."""
    try:
        jobs = [*local_jobs(Path.cwd()), *(slurm_jobs(Path.cwd(), expected=True) if slurm else [])]
    except EarlierJobsError as error:
        return f"still waiting: {error}"
    numbers = ", ".join(job.number for job in jobs)
    return f"waiting for {len(jobs)} job{'s' * (len(jobs) > 1)}: {numbers}" if jobs else ""
