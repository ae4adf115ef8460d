"""The programs train, measure and gather any network; a whole study: tests/workflow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training_job import run

import measure
import tiny
from innerloop.data.image_store import ImageStore
from innerloop.measurements.aggregate import gather
from innerloop.networks.options import NetworkOptions
from innerloop.runtime.built_in import NETWORKS, PROBES
from innerloop.runtime.files import canonical_json, read_json
from innerloop.runtime.typed_json import as_json
from innerloop.specs.measure import MeasureSpec

MODULES = Path(__file__).parents[1] / "networks/modules.py"
SIZE = {"way": 3, "image_size": tiny.SIZE}
NETWORKS_TRAINED = {
    "group": NetworkOptions(**SIZE, filters=4, network_options={"normalisation": "group"}),
    "resnet12": NetworkOptions(
        **SIZE, network=NETWORKS["resnet12"], network_options={"widths": [2, 2, 2, 2]}
    ),
    "a user's": NetworkOptions(**SIZE, network=f"{MODULES}:Residual"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "scale_invariance": {},
    "other_settings": {"settings": ["3w2s"], "tasks": 2},
}


@pytest.mark.parametrize("name", NETWORKS_TRAINED)
def test_it_is_trained_and_measured(images: ImageStore, tmp_path: Path, name: str) -> None:
    training = replace(tiny.TRAINING, network=NETWORKS_TRAINED[name])
    out = run(images, tmp_path, {"network": as_json(training.network)})
    assert read_json(out)["engine"] == "autograd"
    for table in PROBES:
        spec = MeasureSpec(
            table=table, entry=PROBES[table], datasets=(tiny.DATASET,), queries=4, test_steps=1,
            options=OPTIONS.get(table, {"tasks": 2}), test_step_size=None,
            tasks_at_once=2, model=training, compute=training.compute, code="0",
        )  # fmt: skip
        measure.main(
            [
                *("--spec", canonical_json(spec)),
                *("--model", str(out)),
                *("--images", f"{tiny.DATASET}={images.folder / 'manifest.json'}"),
                *("--splits", f"{tiny.DATASET}={tmp_path / 'splits.parquet'}"),
                *("--out", str(tmp_path / f"{table}.parquet")),
            ]
        )
        rows, _ = gather(table, {str(tmp_path / f"{table}.parquet"): spec})
        assert rows.num_rows
        assert "layer" not in rows.column_names or "head" in rows.column("layer").to_pylist()
