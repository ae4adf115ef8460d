"""`snakemake --lint` must be clean, but for its wish for a software environment a rule."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXPECTED = "Specify a conda environment or container for each rule."
CLEAN = "Congratulations, your workflow is in a good condition!"
FINDING = re.compile(r"^    \* (.+?):?$", re.MULTILINE)


def findings() -> list[str]:
    """What the linter says, without the expected finding.

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
