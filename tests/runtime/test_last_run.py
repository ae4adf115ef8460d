"""The command that an error tells its reader to run makes the study that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from innerloop.runtime.files import write_json
from innerloop.runtime.last_run import NOTED, snakemake_for


@pytest.mark.parametrize(
    ("noted", "command"),
    [
        ({"files": ["a b.yaml", "c.yaml"]}, "snakemake tables --configfile 'a b.yaml' c.yaml"),
        ({"files": []}, "snakemake tables"),
        ({"files": None}, "snakemake tables --configfile STUDY_FILE"),
        ({}, "snakemake tables --configfile STUDY_FILE"),  # of an earlier version
        (None, "snakemake tables --configfile STUDY_FILE"),
    ],
)
def test_it_names_the_files_of_the_last_run(noted, command, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    if noted is not None:
        write_json(NOTED.format(study="mine"), noted)
    assert snakemake_for("mine", "tables") == command
