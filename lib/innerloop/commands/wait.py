"""Wait for the jobs that a killed Snakemake left behind, on this machine or a cluster.

    innerloop wait && snakemake --workflow-profile profiles/slurm

While these jobs run, a new Snakemake refuses to start, since it would do the same work twice.
"""

from __future__ import annotations

import time
from pathlib import Path

from innerloop.commands import parser_of
from innerloop.runtime.earlier_jobs import local_jobs, slurm_jobs


def main(argv: list[str]) -> None:
    """Return when no job of this folder is queued or running."""
    parser = parser_of("wait", __doc__)
    parser.add_argument(
        "--every", type=float, default=30, help="seconds between checks (default: 30)"
    )
    every = parser.parse_args(argv).every
    shown = ""
    while jobs := [*local_jobs(Path.cwd()), *slurm_jobs(Path.cwd())]:
        now = f"waiting for {len(jobs)} jobs: {', '.join(job.number for job in jobs)}"
        if now != shown:
            print(now, flush=True)
        shown = now
        time.sleep(every)
    print("no job of an earlier run is left in this folder")
