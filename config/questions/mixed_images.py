"""Every third class of `symbols`, `people` and `scripts`; a task's classes come from all three."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.licence import Licence
from innerloop.data.sources.people import People
from innerloop.data.sources.scripts import Scripts
from innerloop.data.sources.symbols import Symbols

#: Of each set's classes one in so many, so that there are as many as in one of the sets.
ONE_IN = 3
SETS = {"symbols": Symbols(), "people": People(), "scripts": Scripts()}


class Mixed:
    """Each class in the split of its own set, which is its superclass."""

    native_size = 84
    packages = tuple(sorted({package for each in SETS.values() for package in each.packages}))
    licence = Licence(
        name="; ".join(each.licence.name for each in SETS.values()),
        attribution="; ".join(each.licence.attribution for each in SETS.values()),
        url="https://openmoji.org",
        redistributable=all(each.licence.redistributable for each in SETS.values()),
    )

    def catalogue(self) -> list[ClassEntry]:
        """57 training, 16 validation and 22 test classes."""
        return [
            replace(entry, name=f"{name}: {entry.name}", superclass=name)
            for name, each in SETS.items()
            for number, entry in enumerate(each.catalogue())
            if number % ONE_IN == 0
        ]

    def pictures(self) -> Iterator[Image.Image]:
        """Those of the classes, in order."""
        for each in SETS.values():
            pictures = each.pictures()
            for number, entry in enumerate(each.catalogue()):
                for _ in range(entry.count):
                    picture = next(pictures)
                    if number % ONE_IN == 0:
                        yield picture


source = Mixed()
