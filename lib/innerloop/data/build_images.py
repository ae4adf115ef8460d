"""Building image stores: every picture of a source, resized, in one array."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from innerloop.data.catalogue import ClassEntry, check_catalogue
from innerloop.data.decoding import decoding
from innerloop.data.image_store import (
    CLASSES,
    MANIFEST,
    ClassRows,
    ImageStore,
    content_digest,
    lay_out,
    places_of_shared,
    write_classes,
)
from innerloop.data.partial_store import PartialStore
from innerloop.data.sources.base import IndexedSource, Source, require_source
from innerloop.data.split_file import shortened
from innerloop.runtime.disk_error import disk_error
from innerloop.runtime.errors import DataError
from innerloop.runtime.files import write_json
from innerloop.runtime.one_at_a_time import alone_in
from innerloop.runtime.progress import Progress
from innerloop.runtime.provenance import versions
from innerloop.runtime.typed_json import as_json

LEAST_SIDE_FOR_BOX = 84
#: Number of images between two records of a build's progress.
BATCH = 1024


def build_images(
    source: Source,
    dataset: str,
    size: int,
    folder: Path | str,
    progress: bool = True,
    *,
    entry: str = "",
    variant: str = "",
    origin: Mapping[str, Any] | None = None,
    threads: int = 1,
    spec: object = None,
) -> ImageStore:
    """Build a data set's image store; an older one is replaced once the new one is complete.

    Pictures of an `IndexedSource` are decoded by several threads, and a killed build of them is
    continued. Memory holds one picture per thread, fewer if they are large; the array is written
    as a memory-mapped file.

    Args:
        source: where the pictures come from.
        dataset: name of the data set.
        size: side of the images, in pixels; pictures that are not square are squashed.
        folder: the store's folder.
        progress: whether to report progress on stderr.
        entry: how the source was named, for the manifest.
        variant: variant of the source, if it has several.
        origin: the files that the source reads, their hashes and where they came from.
        threads: number of decoding threads; the images do not depend on it.
        spec: the job's parameters, for the manifest.

    Raises:
        ExtensionError: `source` is not a source.
        DataError: the source's catalogue is inconsistent or does not match its pictures, a picture
            cannot be read, or the store cannot be written or reads back differently.
    """
    folder = Path(folder)
    require_source(source, entry or repr(source))
    manifest: dict[str, Any] = {
        "dataset": dataset,
        "source": entry or f"{type(source).__module__}:{type(source).__qualname__}",
        "variant": variant,
        "size": size,
        "licence": asdict(source.licence),
        "files": dict(origin or {}),
        "versions": versions() | {package: version(package) for package in source.packages},
    }
    if spec is not None:
        manifest["spec"] = as_json(spec)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            _build(source, folder, manifest, threads, progress)
    except OSError as error:
        raise disk_error(folder, error) from error
    return ImageStore.open(folder)


def _build(
    source: Source, folder: Path, manifest: dict[str, Any], threads: int, progress: bool
) -> None:
    dataset, size = manifest["dataset"], manifest["size"]
    entries = source.catalogue()
    check_catalogue(entries, dataset)
    classes = lay_out(entries)
    manifest["count"] = count = sum(entry.count for entry in entries)
    plan = {**manifest, "classes": [asdict(row) for row in classes]}
    if left_out := dict(getattr(source, "left_out", dict)()):
        manifest["left_out"] = left_out
        _say(dataset, "left out: " + ", ".join(f"{what} ({n})" for what, n in left_out.items()))
    if isinstance(source, IndexedSource):
        manifest |= {"window": source.window, "splits": source.split_name}
        plan |= {"window": source.window, "fingerprint": source.fingerprint()}
    store = PartialStore(folder, plan, (count, 3, size, size))
    label = f"{dataset}, {size} px"
    try:
        with Progress(label, count, done=store.done, quiet=not progress) as shown:
            if isinstance(source, IndexedSource):
                _in_parallel(source, store, size, threads, shown)
            else:
                _one_by_one(_checked_pictures(source, entries, dataset), store, size, shown)
        manifest |= _equal_images(store.images, classes, dataset)
        write_classes(store.folder / CLASSES, classes)
        manifest["digest"] = content_digest(store.images, classes)
        write_json(store.folder / MANIFEST, manifest)
        ImageStore.open(store.folder, reread=True)
        store.finish()
    except (DataError, OSError):
        store.discard()
        raise


def _one_by_one(
    pictures: Iterator[Image.Image], store: PartialStore, size: int, shown: Progress
) -> None:
    """Write pictures that come in order."""
    for row, picture in enumerate(pictures):
        store.images[row] = _pixels(resize(picture, size))
        shown.advance()


def _in_parallel(
    source: IndexedSource, store: PartialStore, size: int, threads: int, shown: Progress
) -> None:
    """Write pictures that can be read in any order. Pillow decodes and resizes without the GIL."""

    def render(row: int) -> None:
        with decoding():
            picture = source.picture(row)
            _require_rgb(picture, f"{type(source).__qualname__}, picture {row}")
            store.images[row] = _pixels(resize(picture, size, source.window))

    count = len(store.images)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(store.done, count, BATCH):
            rows = range(start, min(start + BATCH, count))
            for _ in pool.map(render, rows):
                shown.advance()
            store.mark(rows.stop)


def _equal_images(images: np.ndarray, classes: Sequence[ClassRows], dataset: str) -> dict[str, Any]:
    """Count distinct images, and those that several classes share; warn of what looks wrong.

    Returns:
        `distinct`, their number, and `shared`, pairs of the first rows of some classes and the
        number of images that all of these have in common.
    """
    classes_of: dict[bytes, list[int]] = defaultdict(list)
    uniform = []
    for row in classes:
        found = {
            hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
            for image in images[row.first : row.first + row.count]
        }
        if len(found) < min(row.count, 2):
            uniform.append(row.name)
        for digest in found:
            classes_of[digest].append(row.first)
    counts = Counter(tuple(firsts) for firsts in classes_of.values() if len(firsts) > 1)
    if len(classes_of) < len(images):
        places = places_of_shared(counts.items(), {row.first: row.split for row in classes})
        _say(
            dataset,
            f"warning: of {len(images)} images {len(classes_of)} are distinct; "
            f"{places['in_several_splits']} of these are in more than one split, "
            f"{places['in_several_classes']} in more than one class of a split",
        )
    if uniform:
        _say(dataset, f"warning: all images are equal in {shortened(uniform)}")
    return {"distinct": len(classes_of), "shared": sorted(counts.items())}


def _say(dataset: str, what: str) -> None:
    print(f"{dataset}: {what}", file=sys.stderr, flush=True)


def resize(picture: Image.Image, size: int, window: float = 1.0) -> Image.Image:
    """Squash a picture, or its central part, to `size` x `size`.

    A part with at least 84 and at least `size` pixels a side is reduced with a box filter, anything
    else is resized with Lanczos.

    Args:
        picture: a picture of any size.
        size: side of the result, in pixels.
        window: fraction of both sides that is kept, around the centre.
    """
    if picture.size == (size, size) and window == 1:
        return picture
    width, height = picture.size
    left, top = (1 - window) / 2 * width, (1 - window) / 2 * height
    shrinks = window * min(picture.size) >= max(size, LEAST_SIDE_FOR_BOX)
    return picture.resize(
        (size, size),
        Image.Resampling.BOX if shrinks else Image.Resampling.LANCZOS,
        box=(left, top, width - left, height - top),
    )


def _pixels(picture: Image.Image) -> np.ndarray:
    """A picture as an array [3, size, size]."""
    return np.asarray(picture).transpose(2, 0, 1)


def _require_rgb(picture: Image.Image, place: str) -> None:
    if picture.mode != "RGB":
        raise DataError(
            f"{place} is in mode {picture.mode}, expected RGB; convert it in the source"
        )


def _checked_pictures(
    source: Source, entries: Sequence[ClassEntry], dataset: str
) -> Iterator[Image.Image]:
    """The source's pictures, checked to be RGB and as many as its catalogue announces."""
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
            _require_rgb(picture, f"data set '{dataset}', class '{entry.name}': picture {number}")
            yield picture
    if next(pictures, None) is not None:
        raise DataError(
            f"data set '{dataset}': the source has more pictures than its catalogue announces "
            f"({sum(entry.count for entry in entries)})"
        )
