"""Gather one table from the files of all jobs, refusing files that do not belong to the study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from innerloop.data.store_name import variant_and_size
from innerloop.measurements.expected import require_expected
from innerloop.measurements.rows import model_columns, with_columns
from innerloop.measurements.schemas import conform, schema_of
from innerloop.runtime.errors import DamagedFileError, ProvenanceError, SchemaError
from innerloop.runtime.provenance import read_provenance, read_table, require_data, require_spec
from innerloop.specs.measure import MeasureSpec, Spec
from innerloop.specs.train import TrainSpec

_STEP_SIZES = ("iteration", "layer", "parameter", "count", "mean", "sd", "share_negative")


def gather(
    table: str, measured: Mapping[str, Spec], *, same_code: bool = True
) -> tuple[pa.Table, dict[str, Any]]:
    """Concatenate the files of one table, after checking each against the current spec of its job.

    Args:
        table: the table's name.
        measured: path of each file -> the resolved parameters it must have been made with.
        same_code: whether the files must have been made by the current code.

    Returns:
        The rows, in the files' order, and their provenance: the number of files, every set of
        package versions they were made with, and digests of the data (by `images_key`,
        `splits_key`).

    Raises:
        ProvenanceError: a file was made with other parameters, or from other data than the rest.
        DamagedFileError: a file has changed since its job wrote it.
        SchemaError: a file does not fit the table's schema, or rows are missing, unexpected or
            repeated.
    """
    provenances = {path: read_provenance(path) for path in measured}
    recorded = {path: provenance["spec"] for path, provenance in provenances.items()}
    _require_specs(measured, recorded, same_code=same_code)
    data: dict[str, str] = {}
    parts: list[pa.Table] = []
    versions: list[Any] = []
    for path, spec in measured.items():
        provenance = provenances[path]
        used = _data_of(provenance, spec)
        require_data(path, used, data)
        data |= used
        if provenance["versions"] not in versions:
            versions.append(provenance["versions"])
        try:
            parts.append(_rows(path, table, spec))
        except DamagedFileError:  # its message needs no explanation
            raise
        except (SchemaError, pa.ArrowException, ValueError, KeyError) as error:
            raise SchemaError(
                f"{path} does not hold what its job wrote: {error}. Put the right file back, or "
                "move it away and run Snakemake again"
            ) from error
    facts = {"table": table, "files": len(parts), "versions": versions, "data_digests": data}
    return pa.concat_tables(parts), facts


def images_key(dataset: str, size: int) -> str:
    """The key under which the digest of a data set's images of one size is recorded."""
    return f"{dataset} ({size} px)"


def splits_key(dataset: str, size: int) -> str:
    """The key under which the digest of their division into splits is recorded."""
    return images_key(f"{dataset} splits", size)


def _data_of(provenance: Mapping[str, Any], spec: Spec) -> dict[str, str]:
    """The digests of the data a file was made from, under keys that mean the same in all files."""
    digests = provenance.get("data_digests", {})
    if isinstance(spec, MeasureSpec):
        size = spec.model.network.image_size
    else:
        size = variant_and_size(spec.store)[1]
        digests = {f"{spec.dataset} splits" if n == "splits" else n: d for n, d in digests.items()}
    return {images_key(name, size): digest for name, digest in digests.items()}


def _rows(path: str, table: str, spec: Spec) -> pa.Table:
    content = read_table(path)
    if isinstance(spec, TrainSpec):  # a training log, converted to rows here
        rows = _logged_rows(table, content.to_pylist(), spec)
        content = conform(with_columns(rows, model_columns(spec)), table)
    content = content.cast(schema_of(table))
    require_expected(content, table, spec, f"table '{table}'")
    return content


def _logged_rows(
    table: str, log: Iterable[Mapping[str, Any]], spec: TrainSpec
) -> Iterator[Mapping[str, Any]]:
    """The rows of a table from a training log.

    Args:
        table: training, weight_norm, outer_step, step_size or step_size_value.
        log: rows of the log file that the table is made from.
        spec: the parameters of the training.
    """
    if table == "weight_norm":
        return (
            {name: row[name] for name in ("iteration", "layer", "norm", "effective_step_size")}
            for row in log
            if row["parameter"] == "weight"
        )
    if table == "step_size":
        learned = spec.learner.learn_step_size
        return ({name: row[name] for name in _STEP_SIZES} for row in log if learned)
    return iter(log)


def _require_specs(
    expected: Mapping[str, Spec], recorded: Mapping[str, Mapping[str, Any]], *, same_code: bool
) -> None:
    """Raise one `ProvenanceError` that lists all files made with other parameters."""
    refused = []
    for path, spec in expected.items():
        try:
            require_spec(path, recorded[path], spec, same_code=same_code)
        except ProvenanceError as error:
            refused.append((path, error))
    if refused:
        others = "".join(f"\n    {path}" for path, _ in refused[1:])
        more = f"\nThe same holds for:{others}" if others else ""
        raise ProvenanceError(f"{refused[0][1]}{more}")
