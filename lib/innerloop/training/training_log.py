"""The logs that a training writes beside its model: curves, dynamics and learned step sizes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from innerloop.networks.parameters import kind_of, layer_of
from innerloop.runtime.files import atomic_path
from innerloop.runtime.provenance import write_table
from innerloop.training.dynamics import SCHEMA as DYNAMICS
from innerloop.training.model_file import TrainedModel
from innerloop.training.outer_step import SCHEMA as OUTER_STEPS
from innerloop.training.training import Training

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
        ("step", pa.int64()),
        ("value", pa.float64()),
    ]
)


class CurveFile:
    """The curves of a training as a CSV that grows while it runs, for live displays.

    Its rows are those that training.parquet will have, to the bit. New lines are written in one go,
    so that a reader never sees half a line.
    """

    def __init__(self, path: Path | str) -> None:
        self._path, self._written = Path(path), 0

    def update(self, curves: Sequence[Mapping[str, Any]]) -> None:
        """Write the new rows; the first call writes all, replacing an earlier training's file."""
        if not self._written or not self._path.is_file():
            with atomic_path(self._path) as temporary:
                temporary.write_text(
                    f"{','.join(CURVES.names)}\n{_lines(curves)}", encoding="utf-8"
                )
        elif len(curves) > self._written:
            # an error may leave half a line: the next call then writes all rows anew
            first_new, self._written = self._written, 0
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_lines(curves[first_new:]))
        self._written = len(curves)


class EventFile:
    """The curves of a training as scalars for TensorBoard, by torch's own writer.

    Args:
        folder: of this training's event files; those of an earlier training are removed.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter  # needs a package that is an extra

        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
        self._writer, self._written = SummaryWriter(str(folder)), 0

    def update(self, curves: Sequence[Mapping[str, Any]]) -> None:
        """Write the new rows; the first call writes all, including those before a continuation."""
        for row in curves[self._written :]:
            for name in ("accuracy", "loss"):
                self._writer.add_scalar(f"{name}/{row['split']}", row[name], row["iteration"])
        if len(curves) > self._written:
            self._writer.flush()
        self._written = len(curves)


def _lines(curves: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, CURVES.names, lineterminator="\n").writerows(curves)
    return text.getvalue()


def write_logs(
    training: Training, model: TrainedModel, folder: Path, provenance: Mapping[str, Any]
) -> None:
    """Write the tables that a training logs into the model's folder."""
    logs = {
        "training.parquet": pa.Table.from_pylist(training.curves, CURVES),
        "dynamics.parquet": pa.Table.from_pylist(training.dynamics, DYNAMICS),
        "outer_steps.parquet": pa.Table.from_pylist(training.outer_steps, OUTER_STEPS),
        "step_sizes.parquet": pa.Table.from_pylist(list(_learned_step_sizes(model)), STEP_SIZES),
    }
    for name, table in logs.items():
        write_table(table, folder / name, provenance)


def _learned_step_sizes(model: TrainedModel) -> Iterator[dict[str, Any]]:
    """Rows for every learned step size of the last iteration; none if they are not learned."""
    if model.method is None or not model.method.learn_step_size:
        return
    per_step = model.method.learn_step_size == "step_and_layer"
    for name, sizes in model.step_sizes.items():
        for number, value in enumerate(sizes.flatten().tolist(), start=1):
            yield {
                "iteration": model.last,
                "layer": layer_of(name),
                "parameter": kind_of(name),
                "step": number if per_step else 0,
                "value": value,
            }
