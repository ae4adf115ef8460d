"""What a training leaves beside its model: curves, dynamics, and learned step sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from innerloop.meta.dynamics import SCHEMA as DYNAMICS
from innerloop.meta.model_file import TrainedModel
from innerloop.meta.training import Training
from innerloop.parameters import kind_of, layer_of
from innerloop.provenance import write_table

CURVES = pa.schema(
    [
        ("split", pa.string()),
        ("iteration", pa.int64()),
        ("tasks", pa.int64()),
        ("accuracy", pa.float64()),
        ("accuracy_sd", pa.float64()),
        ("loss", pa.float64()),
    ]
)
STEP_SIZES = pa.schema(
    [
        ("iteration", pa.int64()),
        ("layer", pa.string()),
        ("parameter", pa.string()),
        ("value", pa.float64()),
    ]
)


def write_logs(
    training: Training, model: TrainedModel, folder: Path, provenance: Mapping[str, Any]
) -> None:
    """Write training.parquet, dynamics.parquet and step_sizes.parquet into the model's folder."""
    logs = {
        "training.parquet": pa.Table.from_pylist(training.curves, CURVES),
        "dynamics.parquet": pa.Table.from_pylist(training.dynamics, DYNAMICS),
        "step_sizes.parquet": pa.Table.from_pylist(list(_learned_step_sizes(model)), STEP_SIZES),
    }
    for name, table in logs.items():
        write_table(table, folder / name, provenance)


def _learned_step_sizes(model: TrainedModel) -> Iterator[dict[str, Any]]:
    """Every learned step size of the last iteration; none where they are not learned."""
    if not model.method.learn_step_size:
        return
    for name, sizes in model.step_sizes.items():
        for value in sizes.flatten().tolist():
            yield {
                "iteration": model.last,
                "layer": layer_of(name),
                "parameter": kind_of(name),
                "value": value,
            }
