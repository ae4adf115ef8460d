"""The base class of sources that read arrays of pixels from fetched files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.fetched_files import FetchedFiles


@dataclass(frozen=True)
class Run:
    """The pictures of one class in one split: some rows of an array.

    Attributes:
        entry: the class.
        pixels: uint8, [N, height, width, 3]; may be mapped from a file.
        rows: the class's rows of `pixels`, in order.
    """

    entry: ClassEntry
    pixels: np.ndarray
    rows: np.ndarray


class PixelArrays(ABC):
    """Pictures in arrays, class by class.

    Args:
        files: what the arrays are read from.
    """

    packages: Sequence[str] = ()
    native_size: int
    window: float = 1.0
    split_name: str = ""

    def __init__(self, files: FetchedFiles) -> None:
        self._fetched = files
        self.licence = files.licence

    @abstractmethod
    def runs(self) -> list[Run]:
        """Each class and its pictures.

        Raises:
            DataError: files are missing, or not what they should be.
        """

    def fingerprint(self) -> str:
        """The files' hashes."""
        return self._fetched.fingerprint()

    @cached_property
    def _runs(self) -> list[Run]:
        return self.runs()

    @cached_property
    def _ends(self) -> np.ndarray:
        """The row after each run's last."""
        return np.cumsum([run.entry.count for run in self._runs])

    def catalogue(self) -> list[ClassEntry]:
        """One entry per run."""
        return [run.entry for run in self._runs]

    def pictures(self) -> Iterator[Image.Image]:
        """The pictures, run by run."""
        return (self.picture(row) for row in range(int(self._ends[-1])))

    def picture(self, row: int) -> Image.Image:
        """The picture with this number in the order of the catalogue."""
        number = int(np.searchsorted(self._ends, row, side="right"))
        run = self._runs[number]
        place = row - (int(self._ends[number]) - run.entry.count)
        return Image.fromarray(run.pixels[run.rows[place]])
