"""CUB-200-2011: 200 kinds of birds, 11,788 photographs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from innerloop.data.archives.members import is_junk
from innerloop.data.archives.unpack import unpacked
from innerloop.data.catalogue import SPLITS, ClassEntry
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.data.sources.picture_files import PictureFiles
from innerloop.data.split_list import read_split_list, require_same
from innerloop.runtime.errors import DataError

CLASSES = Path(__file__).parent / "../split_lists/cub_classes.csv"
ROOT = "CUB_200_2011"


class Cub(PictureFiles):
    """The whole photographs, squashed to squares."""

    split_name = "A Closer Look at Few-shot Classification: 100/50/50 (cub_classes.csv)"

    def __init__(self, files: FetchedFiles) -> None:
        self._fetched = files
        self.licence = files.licence

    def classes(self) -> list[tuple[ClassEntry, list[Path]]]:
        """Each class and its files."""
        folder = self._fetched.folder or _unpacked(self._fetched) / ROOT
        rows = read_split_list(CLASSES, "class_name")
        images = folder / "images"
        if not images.is_dir():
            raise DataError(f"{images}: there is no such folder; CUB's archive has it")
        found = [path for path in images.iterdir() if path.is_dir()]
        require_same((path.name for path in found), (row.name for row in rows), str(images),
                     "class folders")  # fmt: skip
        files = {path.name: _images_in(path) for path in found}
        _require_listed_images(folder, files)
        counts: Counter[str] = Counter()
        for row in rows:
            counts[row.split] += len(files[row.name])
        if counts != self._fetched.images:
            raise DataError(
                f"{images}: {_shown(counts)} images in the split's classes, expected "
                f"{_shown(self._fetched.images)}"
            )
        return [
            (ClassEntry(row.name, row.split, len(files[row.name])), files[row.name]) for row in rows
        ]


class CubCentre(Cub):
    """The middle 7/8 of both sides: what squashing to 96 pixels and cutting to 84 keeps."""

    window = 84 / 96


def _unpacked(files: FetchedFiles) -> Path:
    return unpacked(files.files.values(), files.work, _needed)


def _needed(path: PurePosixPath) -> bool:
    inside = path.parts[1:]
    return path.parts[0] == ROOT and (inside[:1] == ("images",) or inside == ("images.txt",))


def _images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".jpg" and not is_junk(path))


def _require_listed_images(folder: Path, files: dict[str, list[Path]]) -> None:
    """Refuse images that are not exactly those of CUB's own `images.txt`."""
    listing = folder / "images.txt"
    try:
        lines = [
            line.split()
            for line in listing.read_text(encoding="utf-8").splitlines()
            if line.strip()
        ]
        listed: dict[str, list[str]] = defaultdict(list)
        for _, image in lines:
            name, _, file = image.partition("/")
            listed[name].append(file)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{listing}: cannot be read ({error}); CUB's archive has it, one image a line"
        ) from error
    for name, paths in files.items():
        require_same((path.name for path in paths), listed[name], str(folder / "images" / name),
                     "images")  # fmt: skip


def _shown(counts: Mapping[str, int]) -> str:
    return "/".join(str(counts.get(split, 0)) for split in SPLITS)
