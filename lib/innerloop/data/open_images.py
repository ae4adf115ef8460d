"""A data set's images by name, built on first use."""

from __future__ import annotations

from pathlib import Path

from innerloop.built_in import SOURCES
from innerloop.data.build_images import build_images
from innerloop.data.image_store import MANIFEST, ImageStore
from innerloop.errors import DataError
from innerloop.extensions import load_entry, split_entry


def open_images(name: str, size: int, folder: Path | str = "resources/images") -> ImageStore:
    """Open a data set's images, building the store first where there is none.

    A store that exists is taken as it is; delete its folder after changing its source.

    Args:
        name: a name in `innerloop.built_in.SOURCES`, or an entry of your own such as
            `my_sets.py:flowers`, which becomes the data set `flowers`.
        size: side of the images, in pixels.
        folder: where stores are kept, as `{data set}/{size}/`.

    Raises:
        DataError: the name is unknown, the source is not what it should be, or the store found
            was built from another source.
        ExtensionError: the entry cannot be loaded.
    """
    entry, dataset = _resolve(name)
    place = Path(folder) / dataset / str(size)
    if not (place / MANIFEST).exists():
        return build_images(load_entry(entry), dataset, size, place, entry=entry)
    store = ImageStore.open(place)
    if store.manifest["source"] != entry:
        raise DataError(
            f"{place} was built from '{store.manifest['source']}', not from '{entry}'; give your "
            "data set another name, or another folder"
        )
    return store


def _resolve(name: str) -> tuple[str, str]:
    """A data set's entry and its own name."""
    if name in SOURCES:
        return SOURCES[name], name
    if ":" not in name:
        raise DataError(
            f"unknown data set '{name}'; known are {', '.join(SOURCES)}, and your own is named "
            "path/to/file.py:source"
        )
    place, attribute = split_entry(name)
    stem = Path(place).stem if place.endswith(".py") else place.rpartition(".")[2]
    return name, stem if attribute == "source" else attribute
