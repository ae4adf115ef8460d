"""A user's own data set: one folder of images a class, and a CSV file with the splits."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from innerloop.data.catalogue import ClassEntry
from innerloop.data.licence import UNSTATED, Licence
from innerloop.data.sources.picture_files import PictureFiles
from innerloop.data.split_file import SplitRow, read_split_file, shortened
from innerloop.errors import DataError
from innerloop.torchvision_ops import import_torchvision


class ClassFolders(PictureFiles):
    """Images in folders: `root/<class>/**/<image>`, with a CSV of `class,split[,superclass]`.

    In a file of your own::

        here = Path(__file__).parent
        source = ClassFolders(here / "flowers", splits=here / "flower_splits.csv")

    Args:
        root: folder with one sub-folder for each class; images may lie deeper.
        splits: CSV file that puts each class in train, val or test.
        native_size: side, in pixels, that the data set is meant for.
        licence: terms of the images; they are copied into everything built from them.
        window: share of both sides, in the middle, that is kept of each image.
    """

    def __init__(
        self,
        root: Path | str,
        splits: Path | str,
        native_size: int = 84,
        licence: Licence = UNSTATED,
        window: float = 1.0,
    ) -> None:
        self.root = Path(root)
        self.splits = Path(splits)
        self.native_size = native_size
        self.licence = licence
        self.window = window
        self.split_name = self.splits.name

    def classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        """One entry a class, in alphabetical order, with its files in order of their paths."""
        return [
            (ClassEntry(row.name, row.split, len(files), row.superclass), files)
            for row in self._rows
            if (files := self._images[row.name])
        ]

    @cached_property
    def _rows(self) -> list[SplitRow]:
        rows = sorted(read_split_file(self.splits), key=lambda row: row.name)
        listed, found = {row.name for row in rows}, set(self._images)
        if lost := sorted(listed - found):
            raise DataError(
                f"{self.splits} lists classes without a folder in {self.root}: {shortened(lost)}"
            )
        if unlisted := sorted(found - listed):
            raise DataError(
                f"{self.root} has folders that {self.splits} does not list: "
                f"{shortened(unlisted)}; add a row for each, or move the folder away"
            )
        return rows

    @cached_property
    def _images(self) -> dict[str, list[Path]]:
        """Class -> its image files."""
        folder = import_torchvision("torchvision.datasets.folder")
        try:
            names, number_of = folder.find_classes(self.root)
        except OSError as error:
            raise DataError(
                f"{self.root}: expected a folder with one sub-folder for each class ({error})"
            ) from error
        files: dict[str, list[Path]] = {name: [] for name in names}
        for path, number in folder.make_dataset(
            self.root, number_of, extensions=folder.IMG_EXTENSIONS, allow_empty=True
        ):
            files[names[number]].append(Path(path))
        for name, found in files.items():
            if not found:
                raise DataError(
                    f"class folder {self.root / name} has no images; known types are "
                    f"{' '.join(folder.IMG_EXTENSIONS)}"
                )
        return files
