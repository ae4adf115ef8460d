"""Tries a user's own source before its images are built: its catalogue, and one picture."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from innerloop.data.catalogue import check_catalogue
from innerloop.data.image_store import lay_out
from innerloop.data.sources.base import IndexedSource, require_source
from innerloop.data.splits import split_table
from innerloop.runtime.errors import ExtensionError


def try_source(
    source: Any, entry: str, dataset: str, splits: str | None
) -> dict[str, tuple[int, float]]:
    """Split -> (number of classes, number of images in the smallest class).

    Args:
        source: what the entry names.
        entry: the entry itself.
        dataset: the study's name for the data set.
        splits: a CSV file that replaces the source's own split.

    Raises:
        ExtensionError: it is not a source.
        DataError: its catalogue is inconsistent or does not fit the splits, or its first picture
            cannot be read.
    """
    require_source(source, entry)
    entries = source.catalogue()
    check_catalogue(entries, dataset)
    indexed = isinstance(source, IndexedSource)
    picture = source.picture(0) if indexed else next(iter(source.pictures()), None)
    if getattr(picture, "mode", "") != "RGB":
        raise ExtensionError(
            f"'{entry}': its first picture is {picture!r:.60}; expected a PIL image in mode RGB"
        )
    sizes: dict[str, list[int]] = defaultdict(list)
    for row in split_table(dataset, lay_out(entries), splits).to_pylist():
        sizes[row["split"]].append(row["count"])
    return {split: (len(each), min(each)) for split, each in sizes.items()}
