"""Finds image files in folders: each real file once, with a count of what was left out."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from innerloop.data.archives.members import is_junk
from innerloop.data.sources.read_picture import SUFFIXES
from innerloop.runtime.errors import DataError


class PictureTree:
    """Folders of one data set, each with the images of one class.

    Links are followed, but no file counts twice: the same picture must not be a task's support
    image and its query image.

    Attributes:
        left_out: a description of what was left out -> its number.
    """

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self._files: dict[tuple[int, int], tuple[Path, Path]] = {}

    def folders(self, root: Path) -> list[Path]:
        """The subfolders of a folder, sorted by name; anything else in it is left out.

        Raises:
            DataError: it is not a folder.
        """
        found = []
        try:
            for entry in _sorted(root):
                if is_hidden(entry):
                    self._leave_out_hidden(entry)
                elif entry.is_dir():
                    found.append(Path(entry.path))
                else:
                    self.left_out["files beside the folders"] += 1
        except OSError as error:
            raise DataError(f"{root}: expected a folder with one sub-folder for each class "
                            f"({error.strerror})") from error  # fmt: skip
        return found

    def files(self, folder: Path) -> list[Path]:
        """The image files of one class at any depth below its folder, in the order of their paths.

        Raises:
            DataError: one is not a plain file, or also belongs to another class.
        """
        found = list(self._walk(folder, folder, set()))
        return sorted(found, key=lambda path: (str(path.parent), path.name))

    def _walk(self, folder: Path, of: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
        entered.add(_identity(folder.stat()))
        for entry in _sorted(folder):
            path = Path(entry.path)
            if is_hidden(entry):
                self._leave_out_hidden(entry)
                continue
            wanted = path.suffix.lower() in SUFFIXES
            try:
                facts = path.stat()
            except OSError as error:
                if wanted:
                    raise DataError(f"image {path} cannot be read ({error.strerror}); repair or "
                                    "move it away") from error  # fmt: skip
                self.left_out["links to nothing"] += 1
                continue
            if stat.S_ISDIR(facts.st_mode):
                if _identity(facts) in entered:
                    self.left_out["links to folders that are there already"] += 1
                else:
                    yield from self._walk(path, of, entered)
            elif not wanted:
                kind = f"{path.suffix.lower()} files" if path.suffix else "files without a suffix"
                self.left_out[kind] += 1
            elif not stat.S_ISREG(facts.st_mode):
                raise DataError(f"image {path} is not a plain file; move it away")
            elif self._is_new(path, of, _identity(facts)):
                yield path

    def _is_new(self, path: Path, of: Path, identity: tuple[int, int]) -> bool:
        """Whether the same file has not occurred before under another name.

        Raises:
            DataError: it has, in another class.
        """
        first, owner = self._files.setdefault(identity, (path, of))
        if owner != of:
            raise DataError(f"{path} is the same file as {first}: an image belongs to one class "
                            "and one split; move one of the two away")  # fmt: skip
        if first != path:
            self.left_out["links to files that are there already"] += 1
        return first == path

    def _leave_out_hidden(self, entry: os.DirEntry[str]) -> None:
        self.left_out["hidden folders" if entry.is_dir() else "hidden files"] += 1


def is_hidden(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is hidden, as what programs leave: `.ipynb_checkpoints`, `._a.png`."""
    return entry.name.startswith(".") or is_junk(Path(entry.name))


def _sorted(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _identity(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino
