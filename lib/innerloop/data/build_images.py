"""Building image stores: every picture of a source, resized, in one array."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from innerloop.data.catalogue import ClassEntry, check_catalogue
from innerloop.data.image_store import (
    CLASSES,
    IMAGES,
    MANIFEST,
    ImageStore,
    content_digest,
    lay_out,
    write_classes,
)
from innerloop.data.sources.base import Source
from innerloop.errors import DataError
from innerloop.files import write_json
from innerloop.progress import Progress
from innerloop.provenance import versions
from innerloop.torchvision_ops import import_torchvision

LEAST_SIDE_FOR_BOX = 84


def build_images(
    source: Source,
    dataset: str,
    size: int,
    folder: Path | str,
    progress: bool = True,
    *,
    entry: str = "",
) -> ImageStore:
    """Build a data set's image store; an older one is replaced once the new one is complete.

    Args:
        source: where the pictures come from.
        dataset: name of the data set.
        size: side of the images, in pixels; pictures that are not square are squashed.
        folder: the store's folder.
        progress: whether to report progress on stderr.
        entry: how the source was named, for the manifest.

    Raises:
        DataError: the source's catalogue is inconsistent or does not match its pictures.
    """
    folder = Path(folder)
    entries = source.catalogue()
    check_catalogue(entries, dataset)
    classes = lay_out(entries)
    count = sum(entry.count for entry in entries)
    manifest = {
        "dataset": dataset,
        "source": entry or f"{type(source).__module__}:{type(source).__qualname__}",
        "size": size,
        "count": count,
        "licence": asdict(source.licence),
        "versions": versions() | {package: version(package) for package in source.packages},
    }
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".partial", dir=folder) as name:
        partial = Path(name)
        images = np.lib.format.open_memmap(
            partial / IMAGES, mode="w+", dtype=np.uint8, shape=(count, 3, size, size)
        )
        pictures = _checked_pictures(source, entries, dataset)
        with Progress(f"{dataset}, {size} px", count, quiet=not progress) as shown:
            for row, picture in enumerate(pictures):
                images[row] = np.asarray(resize(picture, size)).transpose(2, 0, 1)
                shown.advance()
        images.flush()
        write_classes(partial / CLASSES, classes)
        manifest["digest"] = content_digest(images, classes)
        write_json(partial / MANIFEST, manifest)
        _move_store(partial, folder)
    return ImageStore.open(folder)


def resize(picture: Image.Image, size: int) -> Image.Image:
    """Resize a picture to `size` x `size`: box filter down from 84 or more pixels, else Lanczos."""
    if picture.size == (size, size):
        return picture
    transforms = import_torchvision("torchvision.transforms.v2")
    shrinks = min(picture.size) >= max(size, LEAST_SIDE_FOR_BOX)
    mode = transforms.InterpolationMode.BOX if shrinks else transforms.InterpolationMode.LANCZOS
    resized: Image.Image = transforms.functional.resize(picture, [size, size], interpolation=mode)
    return resized


def _checked_pictures(
    source: Source, entries: Sequence[ClassEntry], dataset: str
) -> Iterator[Image.Image]:
    """The source's pictures; as many as its catalogue announces, and RGB."""
    pictures = iter(source.pictures())
    for entry in entries:
        for number in range(entry.count):
            picture = next(pictures, None)
            if picture is None:
                raise DataError(
                    f"data set '{dataset}': the source ran out of pictures in class "
                    f"'{entry.name}' ({entry.split}), after {number} of the {entry.count} that "
                    "its catalogue announces"
                )
            if picture.mode != "RGB":
                raise DataError(
                    f"data set '{dataset}', class '{entry.name}': picture {number} is in mode "
                    f"{picture.mode}, expected RGB; convert it in the source"
                )
            yield picture
    if next(pictures, None) is not None:
        raise DataError(
            f"data set '{dataset}': the source has more pictures than its catalogue announces "
            f"({sum(entry.count for entry in entries)})"
        )


def _move_store(partial: Path, folder: Path) -> None:
    # the manifest goes first and comes last: what a crash leaves between is not taken for a store
    (folder / MANIFEST).unlink(missing_ok=True)
    for name in (IMAGES, CLASSES, MANIFEST):
        os.replace(partial / name, folder / name)  # noqa: PTH105  (one system call, atomic)
