"""Gathering refuses files that were made under other parameters, all of them in one message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from innerloop.measurements.aggregate import gather
from innerloop.measurements.schemas import conform, schema_of
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import ProvenanceError, SchemaError
from innerloop.runtime.provenance import record, write_table
from innerloop.runtime.typed_json import as_json
from innerloop.specs.measure import ToySpec

SPEC = ToySpec(
    dataset="digits", store="16", image_size=16, filters=2, arm="unit_norm", step_sizes=(0.1, 0.01),
    epochs=2, batch=8, seed=0, compute=Compute("cpu", 1),
)  # fmt: skip
ROWS = [
    {
        **{"arm": "unit_norm", "dataset": "digits", "store": "16", "seed": 0, "images": 9},
        **{"step_size": step_size, "epoch": epoch, "split": split, "accuracy": 0.5, "loss": 1.0},
    }
    for step_size in (0.1, 0.01)
    for epoch in range(3)
    for split in ("train", "test")
]


def measured(folder: Path, *specs: object) -> dict[str, ToySpec]:
    """Files made with some parameters, which should all have been made with SPEC."""
    paths = [folder / f"{number}.parquet" for number in range(len(specs))]
    for path, spec in zip(paths, specs, strict=True):
        rows = [{**row, "seed": int(path.stem)} for row in ROWS]
        write_table(conform(rows, "toy"), path, record(spec))
    return {str(path): SPEC for path in paths}


def test_files_of_the_study_are_gathered(tmp_path: Path) -> None:
    table, provenance = gather("toy", measured(tmp_path, SPEC, SPEC))
    assert table.schema == schema_of("toy")
    assert provenance["files"] == 2


def test_every_file_that_does_not_belong_is_named_and_what_to_do(tmp_path: Path) -> None:
    other = replace(SPEC, compute=Compute("cpu", 2))
    with pytest.raises(ProvenanceError) as refused:
        gather("toy", measured(tmp_path, SPEC, other, SPEC, other))
    said = str(refused.value)
    assert "compute.threads: made with 2, the study says 1" in said
    assert "Run Snakemake again" in said
    assert f"{tmp_path}/1.parquet" in said
    assert f"{tmp_path}/3.parquet" in said
    assert f"{tmp_path}/0.parquet" not in said


def test_a_parameter_that_is_missing_is_a_difference(tmp_path: Path) -> None:
    without = {key: value for key, value in as_json(SPEC).items() if key != "seed"}
    with pytest.raises(ProvenanceError, match=r"seed: made with '\(absent\)'"):
        gather("toy", measured(tmp_path, without))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS[1:], "1 of 12 rows are missing and 0 were not asked for; the row of step_size 0.1"),
        ([*ROWS, {**ROWS[0], "accuracy": 0.9}], "1 rows repeat others"),
        ([{**ROWS[0], "epoch": 3}, *ROWS[1:]], "1 of 12 rows are missing and 1 were not"),
        ([*ROWS, {**ROWS[0], "epoch": 3}], "epoch 3, split train was not asked for"),
    ],
)
def test_rows_lost_doubled_or_too_many_are_refused_by_their_file(
    tmp_path: Path, rows: list[dict[str, Any]], said: str
) -> None:
    paths = measured(tmp_path, SPEC, SPEC)
    changed = pa.Table.from_pylist([{**row, "seed": 1} for row in rows], schema_of("toy"))
    write_table(changed, tmp_path / "1.parquet", record(SPEC))
    with pytest.raises(
        SchemaError, match=rf"1\.parquet does not hold what its job wrote: .*{said}"
    ):
        gather("toy", paths)


def test_a_file_of_other_columns_is_refused_by_its_name(tmp_path: Path) -> None:
    paths = measured(tmp_path, SPEC)
    write_table(pa.table({"arm": ["unit_norm"]}), tmp_path / "0.parquet", record(SPEC))
    with pytest.raises(SchemaError, match=r"0\.parquet does not hold what its job wrote"):
        gather("toy", paths)
