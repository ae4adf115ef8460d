"""An order without a random generator: names sorted by their SHA-1.

Adding or removing a name leaves the others in their places, which no shuffle does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeVar

from innerloop.data.catalogue import SPLITS
from innerloop.runtime.errors import DataError

Name = TypeVar("Name", str, int)


def hash_order(names: Iterable[Name], salt: str) -> list[Name]:
    """The names, sorted by the SHA-1 of salt and name."""
    return sorted(names, key=lambda name: hashlib.sha1(f"{salt}:{name}".encode()).digest())


def hash_split(names: Iterable[str], salt: str, sizes: tuple[int, int, int]) -> dict[str, str]:
    """Deal names out to train, val and test, in hash order: name -> split.

    Raises:
        DataError: there are not as many names as the sizes add up to.
    """
    ordered = hash_order(names, salt)
    if len(ordered) != sum(sizes):
        raise DataError(
            f"data set '{salt}': found {len(ordered)} names to split, expected {sum(sizes)} "
            f"({'/'.join(map(str, sizes))}); the installed packages hold other pictures than the "
            "versions Innerloop was written for (see pyproject.toml)"
        )
    splits = [split for split, size in zip(SPLITS, sizes, strict=True) for _ in range(size)]
    return dict(zip(ordered, splits, strict=True))
