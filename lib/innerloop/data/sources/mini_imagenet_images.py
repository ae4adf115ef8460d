"""miniImageNet from image files: under their names in the split files, or from ImageNet itself."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from innerloop.data.archives.members import is_junk
from innerloop.data.archives.unpack import unpacked
from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.data.sources.picture_files import PictureFiles
from innerloop.data.split_file import shortened
from innerloop.data.split_list import read_rows, require_same
from innerloop.runtime.errors import DataError

IMAGES = Path(__file__).parent / "../split_lists/mini_imagenet_images.csv.gz"
_LISTED_NAME = re.compile(r"(n\d{8})(\d{8})\.jpg")
_ILSVRC_NAME = re.compile(r"(n\d{8})_(\d+)(?:_\1)?\.jpe?g", re.IGNORECASE)


class MiniImageNetImages(PictureFiles):
    """Files named as in the split files, at any depth below a folder."""

    split_name = "Ravi and Larochelle: 64/16/20 (mini_imagenet_images.csv)"

    def __init__(self, files: FetchedFiles, listing: Path = IMAGES) -> None:
        """Read a collection's files.

        Args:
            files: the collection.
            listing: CSV file with the columns filename, label and split; one from the registry may
                list only some of the images.
        """
        self._fetched = files
        self._listing = listing
        self.licence = files.licence
        if files.listing:
            self.split_name = f"the registry's own ({files.listing.name})"

    def classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        """Each class and its files."""
        names: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in read_rows(self._listing, ("filename", "label", "split")):
            names[row["label"], row["split"]].append(row["filename"])
        listed = Counter(file for files in names.values() for file in files)
        if twice := [file for file, times in listed.items() if times > 1]:
            raise DataError(f"{self._listing}: listed more than once: {shortened(twice)}")
        found = self._found(names)
        return [
            (ClassEntry(label, split, len(files)), [found[file] for file in files])
            for (label, split), files in names.items()
        ]

    def _found(self, names: Mapping[tuple[str, str], list[str]]) -> dict[str, Path]:
        """Listed file name -> path."""
        fetched = self._fetched
        folder = fetched.folder or unpacked(
            fetched.files.values(), fetched.work, lambda path: path.suffix == ".jpg"
        )
        paths = [path for path in folder.rglob("*.jpg") if not is_junk(path)]
        found = {path.name: path for path in paths}
        if len(found) != len(paths):
            raise DataError(f"{folder}: {len(paths) - len(found)} images have the name of another")
        if fetched.listing:  # it may list only some of the images
            listed = {name for files in names.values() for name in files}
            found = {name: path for name, path in found.items() if name in listed}
        require_same(found, (name for files in names.values() for name in files), str(folder),
                     "images")  # fmt: skip
        return found


class MiniImageNetFromIlsvrc(MiniImageNetImages):
    """ILSVRC-2012's training images, one folder per class.

    The number in a listed name counts the class's images from 1, sorted by the number in their
    ILSVRC names.
    """

    split_name = "Ravi and Larochelle: 64/16/20, found in ILSVRC-2012 by the sort-by-number rule"

    def _found(self, names: Mapping[tuple[str, str], list[str]]) -> dict[str, Path]:
        root = self._fetched.folder
        if root is None:
            raise DataError("ILSVRC-2012 is read from a folder, one sub-folder per class")
        wanted = {label for label, _ in names}
        there = [label for label in wanted if (root / label).is_dir()]
        require_same(there, wanted, str(root), "class folders")
        found = {}
        for (label, _), files in names.items():
            ordered = sorted_by_number((root / label).iterdir(), label)
            for file in files:
                found[file] = _at(ordered, number_of(file), root / label)
        return found


def number_of(listed: str) -> int:
    """The number in a listed name: `n0153282900000005.jpg` -> 5.

    Raises:
        DataError: the name has another form.
    """
    found = _LISTED_NAME.fullmatch(listed)
    if not found:
        raise DataError(f"'{listed}' is not a name of miniImageNet's split files")
    return int(found[2])


def sorted_by_number(files: Iterable[Path], label: str) -> list[Path]:
    """A class's images, sorted by the number in their names: `n01532829_20457.JPEG` -> 20457.

    Names that repeat the class at their end are accepted; other files are skipped.

    Raises:
        DataError: two images have the same number.
    """
    numbered: dict[int, Path] = {}
    for path in files:
        name = _ILSVRC_NAME.fullmatch(path.name)
        if name is None or name[1] != label:
            continue
        if int(name[2]) in numbered:
            raise DataError(f"{path}: another image has the number {name[2]}")
        numbered[int(name[2])] = path
    return [numbered[number] for number in sorted(numbered)]


def _at(ordered: list[Path], number: int, folder: Path) -> Path:
    if number > len(ordered):
        raise DataError(
            f"{folder}: has {len(ordered)} images called <class>_<number>.JPEG; miniImageNet uses "
            f"number {number} of the class, so the folder is incomplete: unpack its archive again"
        )
    return ordered[number - 1]
