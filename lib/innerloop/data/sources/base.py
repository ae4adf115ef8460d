"""What every source of images offers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from innerloop.data.catalogue import ClassEntry


@dataclass(frozen=True)
class Licence:
    """The terms that pictures come under; they travel with every store built from them."""

    name: str
    attribution: str
    url: str
    non_commercial: bool = False


UNSTATED = Licence(name="not stated", attribution="", url="")


class Source(Protocol):
    """A data set before it is an array: a catalogue, and its pictures in the same order.

    A source module defines one as `source`. Making it must cost nothing, since naming a data set
    makes it; files are opened when the catalogue or the pictures are asked for.
    """

    @property
    def native_size(self) -> int:
        """Side, in pixels, that the pictures are made for."""

    @property
    def licence(self) -> Licence:
        """The pictures' terms."""

    @property
    def packages(self) -> Sequence[str]:
        """Distributions that the pictures come from; their versions go into the manifest."""

    def catalogue(self) -> list[ClassEntry]:
        """The classes, in the order of the pictures.

        Raises:
            DataError: the data set's files are missing, or not what they should be.
        """

    def pictures(self) -> Iterator[Image.Image]:
        """RGB pictures, one at a time: all of the first entry, then all of the second, ...

        Raises:
            DataError: a picture cannot be read.
        """
