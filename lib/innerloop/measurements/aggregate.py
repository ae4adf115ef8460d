"""Gather one table from the files of all jobs, and refuse what does not belong to the study."""

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
    """One table out of many files, each made with the spec that the study now gives its job.

    Args:
        table: its name.
        measured: path of each file -> the resolved parameters it must have been made with.
        same_code: whether it must have been made by the code as it is now.

    Returns:
        The rows, in the files' order, and their provenance: how many files, every set of package
        versions they were made with, and digests of the data (by `images_key`, `splits_key`).

    Raises:
        ProvenanceError: a file was made under other parameters, or from other data than the others.
        DamagedFileError: a file is not as its job wrote it.
        SchemaError: a file does not fit the table's schema, or lacks rows of its job, or holds
            others, or some twice.
    """
    provenances = {path: read_provenance(path) for path in measured}
    found = {path: provenance["spec"] for path, provenance in provenances.items()}
    _require_specs(measured, found, same_code=same_code)
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
        except DamagedFileError:  # which says so itself
            raise
        except (SchemaError, pa.ArrowException, ValueError, KeyError) as error:
            raise SchemaError(
                f"{path} does not hold what its job wrote: {error}. Put the right file back, or "
                "move it away and run Snakemake again"
            ) from error
    facts = {"table": table, "files": len(parts), "versions": versions, "data_digests": data}
    return pa.concat_tables(parts), facts


def images_key(dataset: str, size: int) -> str:
    """By what name the digest of a data set's images of a size is recorded."""
    return f"{dataset} ({size} px)"


def splits_key(dataset: str, size: int) -> str:
    """By what name the digest of their division into splits is recorded."""
    return images_key(f"{dataset} splits", size)


def _data_of(provenance: Mapping[str, Any], spec: Spec) -> dict[str, str]:
    """The digests of what a file was made from, by names that are the same in every file."""
    digests = provenance.get("data_digests", {})
    if isinstance(spec, MeasureSpec):
        size = spec.model.network.image_size
    else:
        size = variant_and_size(spec.store)[1]
        digests = {f"{spec.dataset} splits" if n == "splits" else n: d for n, d in digests.items()}
    return {images_key(name, size): digest for name, digest in digests.items()}


def _rows(path: str, table: str, spec: Spec) -> pa.Table:
    content = read_table(path)
    if isinstance(spec, TrainSpec):  # a log, which becomes rows here
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
        spec: what the model was trained by.
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
    expected: Mapping[str, Spec], found: Mapping[str, Mapping[str, Any]], *, same_code: bool
) -> None:
    """Refuse files made under other parameters, all in one message."""
    refused = []
    for path, spec in expected.items():
        try:
            require_spec(path, found[path], spec, same_code=same_code)
        except ProvenanceError as error:
            refused.append((path, error))
    if refused:
        others = "".join(f"\n    {path}" for path, _ in refused[1:])
        more = f"\nThe same holds for:{others}" if others else ""
        raise ProvenanceError(f"{refused[0][1]}{more}")
