"""Programs that read images refuse those of another data set, variant or size."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import innerloop
import make_splits
import measure
import measure_raw_pixels
import tiny
import train_toy
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import DataError
from innerloop.runtime.files import canonical_json, write_json
from innerloop.runtime.typed_json import as_json
from innerloop.specs.data import SplitsSpec
from innerloop.specs.measure import MeasureSpec, RawPixelsSpec, ToySpec

CPU = Compute("cpu", 1)
TOY = ToySpec(
    dataset="digits", store="other-8", image_size=8, filters=2, arm="unit_norm", step_sizes=(0.1,),
    epochs=1, batch=2, seed=0, compute=CPU,
)  # fmt: skip
PIXELS = RawPixelsSpec(
    dataset="digits", setting="3w1s", way=3, shot=1, splits=("test",), tasks=1, queries=1,
    store="other-8",
)  # fmt: skip
MEASURED = MeasureSpec(
    table="cka", entry="", options={}, datasets=("cub",), queries=1, test_steps=1, tasks_at_once=1,
    model=tiny.TRAINING, compute=CPU,
)  # fmt: skip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images `8` of `digits`."""
    folder = tmp_path_factory.mktemp("images")
    return innerloop.open_images("digits", 8, folder).folder / "manifest.json"


@pytest.mark.parametrize(
    ("program", "spec", "more"),
    [
        (train_toy, TOY, ("--splits", "none")),
        (measure_raw_pixels, PIXELS, ("--episodes", "none")),
        (make_splits, SplitsSpec("cub", "digits"), ()),
        (measure, MEASURED, ("--model", "model.json", "--splits", "cub=none")),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else "",
)
def test_others_are_refused(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: ModuleType,
    spec: object,
    more: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json("model.json", {"spec": as_json(tiny.TRAINING)})
    images = f"cub={manifest}" if program is measure else str(manifest)
    arguments = ["--spec", canonical_json(spec), "--images", images, "--out", "out", *more]
    with pytest.raises(DataError, match="holds the images of digits, 8, but the job needs"):
        program.main(arguments)
