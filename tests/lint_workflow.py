"""`snakemake --lint` must be clean, but for what this workflow does on purpose.

It has one software environment, not one a rule; and how files are had (ACCESS, REGISTRY) is no
parameter of a job, so that another mirror or folder of one's own runs nothing again.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXPECTED = (
    "Specify a conda environment or container for each rule.",
    "Shell command directly uses variable ACCESS from outside of the rule",
    "Shell command directly uses variable REGISTRY from outside of the rule",
)
CLEAN = "Congratulations, your workflow is in a good condition!"
FINDING = re.compile(r"^    \* (.+?):?$", re.MULTILINE)


def findings() -> list[str]:
    """What the linter says, without the expected findings.

    Raises:
        RuntimeError: the linter said nothing that is known to be its verdict.
    """
    snakemake = Path(sys.executable).with_name("snakemake")
    done = subprocess.run(
        [snakemake, "--lint"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    found = FINDING.findall(said)
    if not found and CLEAN not in said:
        raise RuntimeError(f"snakemake --lint gave no verdict:\n{said}")
    unexpected = [title for title in found if not title.startswith(EXPECTED)]
    return [said] if unexpected else []


if __name__ == "__main__":
    sys.exit("\n".join(findings()) or 0)
