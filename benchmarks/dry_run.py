"""How long Snakemake takes to plan a study: the median of some dry runs.

    python benchmarks/dry_run.py --configfile config/paper.yaml

Each run is a process of its own, as a user's would be. The target for config/paper.yaml is 1,000
jobs or fewer, in 5 s or less on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_TOTAL = re.compile(r"^total\s+(\d+)$", re.MULTILINE)


def planned(arguments: list[str]) -> tuple[int, float]:
    """Jobs and wall seconds of one dry run."""
    began = time.perf_counter()
    done = subprocess.run(
        [Path(sys.executable).with_name("snakemake"), "-n", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    found = _TOTAL.search(done.stdout)
    return int(found[1]) if found else 0, seconds


def main(argv: list[str] | None = None) -> None:
    """Run and print the median."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--configfile", nargs="+", default=["config/paper.yaml"])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args(argv)
    runs = [planned(["--configfile", *arguments.configfile]) for _ in range(arguments.runs)]
    seconds = [wall for _, wall in runs]
    print(
        json.dumps(
            {
                "configfile": arguments.configfile,
                "runs": arguments.runs,
                "jobs": runs[0][0],
                "cores": os.cpu_count(),
                "load": round(os.getloadavg()[0], 1),
                "median_seconds": round(statistics.median(seconds), 2),
                "range_seconds": [round(min(seconds), 2), round(max(seconds), 2)],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
