"""A training of seconds on the tiny data set, by the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

import tiny
import train
from innerloop.data.catalogue import ClassEntry
from innerloop.data.image_store import ImageStore
from innerloop.data.sources.base import UNSTATED
from innerloop.runtime.files import write_json
from innerloop.runtime.typed_json import as_json

#: That models are measured on.
TASKS = 5


class Patterns:
    """The tiny data set as a source."""

    native_size, licence, packages = tiny.SIZE, UNSTATED, ()

    def catalogue(self) -> list[ClassEntry]:
        return [ClassEntry(row.name, row.split, row.count) for row in tiny.store().classes]

    def pictures(self) -> Iterator[Image.Image]:
        return (Image.fromarray(image.transpose(1, 2, 0)) for image in tiny.store().images)


def run(
    images: ImageStore,
    folder: Path,
    changed: dict[str, Any] | None = None,
    splits: Path | None = None,
    *more: str,
) -> Path:
    """Train into a folder; a second call continues what the first left."""
    folder.mkdir(exist_ok=True)
    splits = splits or tiny.write_splits(folder / "splits.parquet")
    write_json(folder / "spec.json", {**as_json(tiny.TRAINING), **(changed or {})})
    out = folder / "model" / "model.json"
    train.main(
        [
            *("--spec", str(folder / "spec.json")),
            *("--images", str(images.folder / "manifest.json")),
            *("--splits", str(splits)),
            *("--checkpoints", str(folder / "kept")),
            *("--curve", str(folder / "training.csv")),
            *("--out", str(out)),
            *more,
        ]
    )
    return out
