"""Gathering refuses files that were made under other parameters, all of them in one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from innerloop.errors import ProvenanceError
from innerloop.provenance import record, write_table
from innerloop.tables.aggregate import gather
from innerloop.tables.schemas import schema_of

SPEC = {"method": {"step_size": 0.05}, "seed": 0}


def measured(folder: Path, *specs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Files made with some parameters, which should all have been made with SPEC."""
    paths = [folder / f"{number}.parquet" for number in range(len(specs))]
    for path, spec in zip(paths, specs, strict=True):
        write_table(schema_of("toy").empty_table(), path, record(spec))
    return {str(path): SPEC for path in paths}


def test_files_of_the_study_are_gathered(tmp_path: Path) -> None:
    table, provenance = gather("toy", measured(tmp_path, SPEC, SPEC), logged=False)
    assert table.schema == schema_of("toy")
    assert provenance["files"] == 2


def test_every_file_that_does_not_belong_is_named_and_what_to_do(tmp_path: Path) -> None:
    other = {"method": {"step_size": 0.06}, "seed": 0}
    with pytest.raises(ProvenanceError) as refused:
        gather("toy", measured(tmp_path, SPEC, other, SPEC, other), logged=False)
    said = str(refused.value)
    assert "method.step_size: made with 0.06, the study says 0.05" in said
    assert "Run Snakemake again" in said
    assert f"{tmp_path}/1.parquet" in said
    assert f"{tmp_path}/3.parquet" in said
    assert f"{tmp_path}/0.parquet" not in said


def test_a_parameter_that_is_missing_is_a_difference(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"seed: made with '\(absent\)'"):
        gather("toy", measured(tmp_path, {"method": {"step_size": 0.05}}), logged=False)
