"""A user's own data set: one folder of images per class, and the split of each class."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from innerloop.data.catalogue import SPLITS, ClassEntry
from innerloop.data.licence import UNSTATED, Licence
from innerloop.data.sources.picture_files import PictureFiles
from innerloop.data.sources.picture_tree import PictureTree
from innerloop.data.sources.read_picture import SUFFIXES
from innerloop.data.split_file import SplitRow, composed, read_split_file, shortened
from innerloop.runtime.errors import DataError


class ClassFolders(PictureFiles):
    """Images in folders: `root/<class>/**/<image>`, with a CSV of `class,split[,superclass]`.

    In a file of your own::

        here = Path(__file__).parent
        source = ClassFolders(here / "flowers", splits=here / "flower_splits.csv")

    Without a CSV the folders themselves are the splits: `root/<split>/<class>/**/<image>`. A class
    may then be in several of them, as a data set for supervised learning needs it.

    Hidden files and folders, and files without an image's suffix, are left out and counted; a file
    that occurs twice, through links, counts once.

    Args:
        root: folder with one sub-folder for each class, or for each split; images may be deeper.
        splits: CSV file that puts each class in train, val or test.
        native_size: side, in pixels, that the data set is meant for.
        licence: terms of the images; they are copied into everything built from them.
        window: fraction of both sides that is kept of each image, around its centre.
    """

    def __init__(
        self,
        root: Path | str,
        splits: Path | str | None = None,
        native_size: int = 84,
        licence: Licence = UNSTATED,
        window: float = 1.0,
    ) -> None:
        self.root = Path(root)
        self.splits = None if splits is None else Path(splits)
        self.native_size = native_size
        self.licence = licence
        self.window = window
        self.split_name = self.splits.name if self.splits else f"folders {', '.join(SPLITS)}"
        self._tree = PictureTree()

    def classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        """One entry per class and split, in alphabetical order, with its files in order of paths.

        Raises:
            DataError: folders and splits do not match, a class is empty, or a file is not an image.
        """
        self._tree = PictureTree()
        if self.splits is None:
            return [
                self._entry(SplitRow(name, split, ""), folder)
                for split, within in self._split_folders().items()
                for name, folder in self._class_folders(within).items()
            ]
        folders = self._class_folders(self.root)
        return [self._entry(row, folders[row.name]) for row in self._rows(self.splits, folders)]

    def left_out(self) -> Mapping[str, int]:
        """A description of what is in the folders but not in the data set -> its number."""
        return self._tree.left_out

    def _entry(self, row: SplitRow, folder: Path) -> tuple[ClassEntry, list[Path]]:
        files = self._tree.files(folder)
        if not files:
            raise DataError(
                f"class folder {folder} has no images; known types are {' '.join(SUFFIXES)}"
            )
        return ClassEntry(row.name, row.split, len(files), row.superclass), files

    def _split_folders(self) -> dict[str, Path]:
        """The folders of the splits, in the splits' order."""
        found = {path.name: path for path in self._tree.folders(self.root)}
        if other := sorted(found.keys() - set(SPLITS)):
            raise DataError(
                f"{self.root}: without a CSV of splits its folders are {', '.join(SPLITS)}; there "
                f"is also {shortened(other)}"
            )
        return {split: found[split] for split in SPLITS if split in found}

    def _class_folders(self, root: Path) -> dict[str, Path]:
        """Class -> its folder, in alphabetical order."""
        found: dict[str, Path] = {}
        for path in self._tree.folders(root):
            name = composed(path.name)
            if _unreadable(name):
                raise DataError(
                    f"{root}: the name of folder {os.fsencode(path.name)!r} is not UTF-8; rename it"
                )
            if name != name.strip():
                raise DataError(f"{root}: rename folder '{name}' so that no space is at an end")
            if name in found:
                raise DataError(
                    f"{root} has two folders that are both called '{name}', in composed and in "
                    "decomposed letters; join them, or rename one"
                )
            found[name] = path
        if not found:
            raise DataError(f"{root}: expected a folder with one sub-folder for each class")
        return dict(sorted(found.items()))

    def _rows(self, splits: Path, folders: Mapping[str, Path]) -> list[SplitRow]:
        rows = sorted(read_split_file(splits), key=lambda row: row.name)
        listed = {row.name for row in rows}
        if lost := sorted(listed - folders.keys()):
            raise DataError(
                f"{splits} lists classes without a folder in {self.root}: {shortened(lost)}"
            )
        if unlisted := sorted(folders.keys() - listed):
            raise DataError(
                f"{self.root} has folders that {splits} does not list: "
                f"{shortened(unlisted)}; add a row for each, or move the folder away"
            )
        return rows


def _unreadable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False
