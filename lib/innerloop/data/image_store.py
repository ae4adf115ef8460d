"""A data set as an array: images in a memory-mapped file, and which rows are which class.

A store is a folder with `images.npy` (uint8, [N, 3, size, size]), `classes.parquet` (its runs of
rows) and `manifest.json` (what it was built from). `innerloop.data.build_images` makes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from innerloop.data.catalogue import ClassEntry
from innerloop.data.store_name import store_name
from innerloop.runtime.errors import DamagedFileError, DataError, InputError
from innerloop.runtime.files import canonical_json, read_json, write_json

IMAGES, CLASSES, MANIFEST = "images.npy", "classes.parquet", "manifest.json"
#: Records the files that were compared with the digest; if these change, all bytes are read again.
VERIFIED = ".verified.json"

CLASSES_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("split", pa.string()),
        ("superclass", pa.string()),
        ("first", pa.int64()),
        ("count", pa.int64()),
    ]
)


@dataclass(frozen=True)
class ClassRows:
    """A class in a split: its images are the rows `first` ... `first + count - 1`."""

    name: str
    split: str
    superclass: str
    first: int
    count: int


def lay_out(entries: Sequence[ClassEntry]) -> list[ClassRows]:
    """The rows of each entry, whose images follow one another in the array."""
    rows, first = [], 0
    for entry in entries:
        rows.append(ClassRows(entry.name, entry.split, entry.superclass, first, entry.count))
        first += entry.count
    return rows


def content_digest(images: np.ndarray, classes: Sequence[ClassRows]) -> str:
    """SHA-256 over the bytes of the array and the class table."""
    digest = hashlib.sha256(np.ascontiguousarray(images).data)
    digest.update(canonical_json([asdict(row) for row in classes]).encode())
    return digest.hexdigest()


def places_of_shared(
    shared: Iterable[tuple[Sequence[int], int]], split_of: Mapping[int, str]
) -> dict[str, int]:
    """Count distinct images in more than one split, and in more than one class of a split.

    Args:
        shared: pairs of the first rows of classes and the number of images these have in common.
        split_of: first row of a class -> its split.
    """
    places = [([split_of.get(first) for first in firsts], count) for firsts, count in shared]
    return {
        "in_several_splits": sum(n for splits, n in places if len({*splits}) > 1),
        "in_several_classes": sum(n for splits, n in places if len({*splits}) < len(splits)),
    }


@dataclass(frozen=True)
class ImageStore:
    """The images of one data set at one size.

    Attributes:
        folder: the store's folder.
        images: uint8, [N, 3, size, size], mapped from the file.
        classes: rows of each class, in the order of the images.
        manifest: what the store was built from.
    """

    folder: Path
    images: np.ndarray = field(repr=False)
    classes: list[ClassRows] = field(repr=False)
    manifest: Mapping[str, Any] = field(repr=False)
    _on_device: dict[torch.device, torch.Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def open(cls, folder: Path | str, *, reread: bool = False) -> ImageStore:
        """Open a store; all its images are read only if its files have changed since verification.

        Args:
            folder: the store's folder.
            reread: whether to verify in any case.

        Raises:
            DataError: there is no store, or its files do not agree with each other or the digest.
        """
        folder = Path(folder)
        manifest = _read_manifest(folder)
        images = _map_images(folder)
        classes = _read_classes(folder)
        size, count = manifest["size"], manifest["count"]
        if images.dtype != np.uint8 or images.shape != (count, 3, size, size):
            raise _damaged(
                folder / IMAGES,
                f"holds {images.dtype} {list(images.shape)}, its manifest says uint8 "
                f"{[count, 3, size, size]}",
            )
        ends = [0, *(row.first + row.count for row in classes)]
        if [row.first for row in classes] != ends[:-1] or ends[-1] != count:
            raise _damaged(folder / CLASSES, f"does not divide {count} images into classes")
        store = cls(folder, images, classes, manifest)
        store._verify_once(reread)
        return store

    def __repr__(self) -> str:
        count, classes = len(self.images), len(self.classes)
        what = f"{self.dataset} {self.name}: {count} images of {classes} classes"
        return f"ImageStore({what} in {self.folder.absolute()})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle a memory-mapped store as its folder; it is mapped again when unpickled."""
        if not isinstance(self.images, np.memmap):
            return super().__reduce_ex__(protocol)
        return _reopened, (type(self), self.folder.absolute(), self.digest)

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.manifest["dataset"])

    @property
    def size(self) -> int:
        """Side of the images, in pixels."""
        return int(self.manifest["size"])

    @property
    def name(self) -> str:
        """Variant of the source and size, such as `pickles-84`; `84` if there is one variant."""
        return store_name(self.manifest.get("variant", ""), self.size)

    def require(self, dataset: str, name: str = "") -> Self:
        """The store itself, if it holds the images that a job needs.

        Args:
            dataset: the data set that the job needs.
            name: the variant and size that it needs; empty accepts any.

        Raises:
            DataError: it is another data set, variant or size.
        """
        if self.dataset != dataset or (name and self.name != name):
            meant = f"{dataset}, {name}" if name else dataset
            raise DataError(
                f"{self.folder} holds the images of {self.dataset}, {self.name}, but the job needs "
                f"{meant}: give it that image store, or build it again"
            )
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of images and class table, as they were when the store was built."""
        return str(self.manifest["digest"])

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """Images as float32 in [0, 1], of shape [*rows.shape, 3, size, size]."""
        return torch.from_numpy(np.asarray(self.images[rows])).float().div_(255)

    def batch_on(self, rows: np.ndarray, device: torch.device) -> torch.Tensor:
        """As `batch`, on a device; on first use, all images are copied there as bytes."""
        if device not in self._on_device:
            self._on_device[device] = torch.from_numpy(np.array(self.images)).to(device)
        places = torch.from_numpy(rows).to(device, non_blocking=True)
        return self._on_device[device][places].float().div_(255)

    def _verify_once(self, again: bool) -> None:
        files = {name: (self.folder / name).stat() for name in (IMAGES, CLASSES)}
        seen = {
            "digest": self.digest,
            **{name: [each.st_size, each.st_mtime_ns] for name, each in files.items()},
        }
        with suppress(OSError, ValueError):
            if not again and read_json(self.folder / VERIFIED) == seen:
                return
        self.verify()
        with suppress(OSError):  # the folder may be read-only
            write_json(self.folder / VERIFIED, seen)

    def verify(self) -> None:
        """Read every image and compare with the digest.

        Raises:
            DataError: an image or the class table has changed since the store was built.
        """
        if content_digest(self.images, self.classes) != self.digest:
            raise _damaged(self.folder, "has changed since it was built")


def require_store(images: object) -> None:
    """Refuse anything but an image store.

    Raises:
        InputError: it is something else, which the message names.
    """
    if not isinstance(images, ImageStore):
        raise InputError(
            f"images is of type {type(images).__name__}; expected an image store, as "
            "innerloop.open_images gives it"
        )


def _reopened(kind: type[ImageStore], folder: Path, digest: str) -> ImageStore:
    store = kind.open(folder)
    if store.digest != digest:
        raise DataError(f"{folder} was built again, from other images, since it was pickled")
    return store


def write_classes(path: Path, classes: Sequence[ClassRows]) -> None:
    """Write a class table."""
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in classes], CLASSES_SCHEMA), path)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = read_json(path)
    except FileNotFoundError:
        raise DataError(
            f"there is no image store in {folder} (no {MANIFEST}); build it with Snakemake, or "
            "with innerloop.open_images"
        ) from None
    except DamagedFileError as error:
        raise _damaged(path, f"is not JSON ({error.__cause__})") from error
    expected = {"dataset": str, "source": str, "size": int, "count": int, "digest": str}
    for key, kind in expected.items():
        if not isinstance(manifest, dict) or not isinstance(manifest.get(key), kind):
            raise _damaged(path, f"lacks '{key}', expected a value of type {kind.__name__}")
    return dict(manifest)


def _map_images(folder: Path) -> np.ndarray:
    path = folder / IMAGES
    try:
        images: np.ndarray = np.load(path, mmap_mode="r")
    except (OSError, EOFError, ValueError) as error:
        raise _damaged(path, f"cannot be mapped ({error})") from error
    return images


def _read_classes(folder: Path) -> list[ClassRows]:
    path = folder / CLASSES
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, f"cannot be read ({error})") from error
    if not table.schema.equals(CLASSES_SCHEMA):
        raise _damaged(path, f"has the columns {', '.join(table.schema.names)}")
    return [ClassRows(**row) for row in table.to_pylist()]


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{path} {what}; move the image store away and build it again")
