"""The interface of every source of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.licence import UNSTATED, Licence
from innerloop.runtime.errors import ExtensionError

__all__ = ["UNSTATED", "IndexedSource", "Licence", "Source"]


class Source(Protocol):
    """A data set before it is an array: a catalogue, and its pictures in the same order.

    A source module defines one as `source`. Constructing it must be cheap, since naming a data set
    constructs it; files are opened when the catalogue or the pictures are asked for.

    It may also have `left_out()`: a description of files that its catalogue leaves out -> their
    number. This is logged, and kept in the manifest.
    """

    @property
    def native_size(self) -> int:
        """Side, in pixels, that the pictures are meant for."""

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


@runtime_checkable
class IndexedSource(Source, Protocol):
    """A source whose pictures can be read in any order, by several threads at once.

    Its images are decoded in parallel, and a killed build is continued.
    """

    @property
    def window(self) -> float:
        """Fraction of both sides that is kept of each picture, around its centre; 1 keeps all."""

    @property
    def split_name(self) -> str:
        """What defines the split into train, val and test."""

    def fingerprint(self) -> str:
        """A text that differs if a picture may differ."""

    def picture(self, row: int) -> Image.Image:
        """The picture with this number in the order of the catalogue, as RGB.

        Raises:
            DataError: it cannot be read.
        """


def require_source(source: object, entry: str) -> None:
    """Refuse an object that lacks a part of a source.

    Raises:
        ExtensionError: names what it lacks.
    """
    offered = ("native_size", "licence", "packages", "catalogue", "pictures")
    if missing := [name for name in offered if not hasattr(source, name)]:
        raise ExtensionError(
            f"'{entry}' is of type {type(source).__name__}, without {', '.join(missing)}: not a "
            "source of images; docs/extending.md shows one"
        )
