"""The record of the last run of each study in a folder, and the command that repeats it."""

from __future__ import annotations

import shlex
from pathlib import Path

from innerloop.runtime.files import read_json

#: Where Snakemake records a run when it starts: its config, the files this is from, and its jobs.
NOTED = ".snakemake/innerloop/runs/{study}.json"


def snakemake_for(study: str, target: str = "") -> str:
    """The Snakemake command that makes a study up to a target.

    It names the files of the study's last run in this folder; `STUDY_FILE` if they are unknown.
    """
    noted = Path(NOTED.format(study=study))
    files = read_json(noted).get("files") if noted.is_file() else None
    if files is None:
        files = ["STUDY_FILE"]
    options = ["--configfile", *files] if files else []
    return shlex.join(filter(None, ["snakemake", target, *options]))
