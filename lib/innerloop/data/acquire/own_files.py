"""A user's own copies: files or unpacked folders below the study's `data_root`."""

from __future__ import annotations

from pathlib import Path

from innerloop.data.acquire.collection import Collection
from innerloop.data.acquire.verify import hashes_of
from innerloop.runtime.errors import DataError


def places(collection: Collection, data_root: Path) -> tuple[Path, Path]:
    """Where a collection is looked for: in a folder of its name, and in the root itself."""
    return data_root / collection.name, data_root


def own_file(collection: Collection, name: str, data_root: Path) -> Path | None:
    """A file of the collection, if the user has it."""
    return next(
        (place / name for place in places(collection, data_root) if (place / name).is_file()), None
    )


def own_folder(collection: Collection, data_root: Path) -> Path | None:
    """The collection's unpacked folder, if the user has it; its known members are verified.

    Raises:
        DataError: a member is missing, or is not what it should be.
    """
    if not collection.folder:
        return None
    candidates = [place / collection.folder for place in places(collection, data_root)]
    folder = next((place for place in candidates if place.is_dir()), None)
    if folder is not None:
        verify_members(collection, folder)
    return folder


def verify_members(collection: Collection, folder: Path) -> None:
    """Refuse an unpacked folder whose known members differ.

    Raises:
        DataError: names the first member that is missing or differs.
    """
    for name, md5 in collection.members.items():
        path = folder / name
        if not path.is_file():
            raise DataError(
                f"{path} is missing; {collection.title} has it: unpack the archive again, or move "
                "the folder away"
            )
        found = hashes_of(path).md5
        if found != md5:
            raise DataError(
                f"{path}: its md5 is {found}, expected {md5}; unpack the archive again, or move "
                "the folder away"
            )
