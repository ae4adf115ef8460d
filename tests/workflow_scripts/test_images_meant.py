"""Programs that read images refuse those of another data set, variant or size."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import innerloop
import make_splits
import measure
import measure_raw_pixels
import train_toy
from innerloop.errors import DataError
from innerloop.files import canonical_json, write_json

MEANT = {"dataset": "digits", "store": "other-8", "compute": {"device": "cpu", "threads": 1}}
MEASURED = {"model": {}, "datasets": ["cub"]}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images `8` of `digits`."""
    folder = tmp_path_factory.mktemp("images")
    return innerloop.open_images("digits", 8, folder).folder / "manifest.json"


@pytest.mark.parametrize(
    ("program", "spec", "more"),
    [
        (train_toy, MEANT, ("--splits", "none")),
        (measure_raw_pixels, MEANT, ("--episodes", "none")),
        (make_splits, {**MEANT, "dataset": "cub"}, ()),
        (measure, MEASURED, ("--model", "model.json", "--splits", "cub=none")),
    ],
    ids=lambda value: value.__name__ if isinstance(value, ModuleType) else "",
)
def test_others_are_refused(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: ModuleType,
    spec: dict[str, Any],
    more: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json("model.json", {"spec": {}})
    images = f"cub={manifest}" if program is measure else str(manifest)
    arguments = ["--spec", canonical_json(spec), "--images", images, "--out", "out", *more]
    with pytest.raises(DataError, match="holds the images of digits, 8, where the job is about"):
        program.main(arguments)
