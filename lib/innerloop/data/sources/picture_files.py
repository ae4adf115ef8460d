"""The base class of sources whose pictures are files."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.licence import UNSTATED, Licence
from innerloop.data.sources.read_picture import read_rgb


class PictureFiles(ABC):
    """Image files of any size and mode, class by class."""

    packages: Sequence[str] = ()
    licence: Licence = UNSTATED
    native_size: int = 84
    window: float = 1.0
    split_name: str = ""

    @abstractmethod
    def classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        """Each class, and its files in order.

        Raises:
            DataError: files are missing, or not what they should be.
        """

    @cached_property
    def _classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        return self.classes()

    @cached_property
    def _files(self) -> list[Path]:
        return [file for _, files in self._classes for file in files]

    def catalogue(self) -> list[ClassEntry]:
        """One entry per class."""
        return [entry for entry, _ in self._classes]

    def pictures(self) -> Iterator[Image.Image]:
        """The images as RGB at their own size, class by class."""
        return map(read_rgb, self._files)

    def picture(self, row: int) -> Image.Image:
        """One image as RGB at its own size."""
        return read_rgb(self._files[row])

    def fingerprint(self) -> str:
        """A digest of all files' names, sizes and modification times."""
        digest = hashlib.sha256()
        for file in self._files:
            facts = file.stat()
            digest.update(os.fsencode(file))
            digest.update(f"\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
        return digest.hexdigest()
