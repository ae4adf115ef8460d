"""The catalogue of a data set: which images it has, of which class, in which split, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from innerloop.runtime.errors import DataError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ClassEntry:
    """A run of consecutive images of one class in one split.

    A few-shot data set has one entry per class, since whole classes are held out; a supervised one
    has an entry for each split that a class has images in.
    """

    name: str
    split: str
    count: int
    superclass: str = ""


def check_catalogue(entries: Sequence[ClassEntry], dataset: str) -> None:
    """Refuse a catalogue that no image store can be built from.

    Raises:
        DataError: there are no entries, a split is unknown, an entry has no images, or two entries
            describe the same class in the same split.
    """
    if not entries:
        raise DataError(f"data set '{dataset}' has no classes")
    for entry in entries:
        if entry.split not in SPLITS:
            raise DataError(
                f"data set '{dataset}', class '{entry.name}': unknown split '{entry.split}'; "
                f"expected one of {', '.join(SPLITS)}"
            )
        if entry.count < 1:
            raise DataError(
                f"data set '{dataset}', class '{entry.name}': has {entry.count} images in split "
                f"'{entry.split}'; expected at least one"
            )
    (name, split), times = Counter((e.name, e.split) for e in entries).most_common(1)[0]
    if times > 1:
        raise DataError(
            f"data set '{dataset}': class '{name}' is listed {times} times in split '{split}'; "
            "its images must form one run"
        )
