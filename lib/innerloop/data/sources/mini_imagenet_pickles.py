"""miniImageNet as 84 x 84 arrays: one pickle per split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from innerloop.data.archives.made_once import made_once
from innerloop.data.archives.unpack import unpack
from innerloop.data.archives.unpickle import unpickle
from innerloop.data.catalogue import SPLITS, ClassEntry
from innerloop.data.sources.pixel_arrays import PixelArrays, Run
from innerloop.data.split_list import read_split_list, require_same
from innerloop.runtime.errors import DataError
from innerloop.runtime.files import read_json, write_json

CLASSES = Path(__file__).parent / "../split_lists/mini_imagenet_classes.csv"
SIDE = 84
ROWS = "rows.json"


class MiniImageNetPickles(PixelArrays):
    """Three pickles, or an archive of them: `image_data`, and the rows of each class.

    Each is converted once to a file that can be mapped, so memory holds at most one of them.
    """

    native_size = SIDE
    split_name = "Ravi and Larochelle: 64/16/20 (mini_imagenet_classes.csv)"

    def runs(self) -> list[Run]:
        """Each class and its pictures."""
        folder = made_once(self._fetched.work, self._convert)
        rows = read_json(folder / ROWS)
        pixels = {split: np.load(folder / f"{split}.npy", mmap_mode="r") for split in SPLITS}
        return [
            Run(
                ClassEntry(row.name, row.split, len(rows[row.split][row.name])),
                pixels[row.split],
                np.asarray(rows[row.split][row.name]),
            )
            for row in read_split_list(CLASSES, "wnid")
        ]

    def _convert(self, folder: Path) -> None:
        """Write every split as an array file, and the rows of each class."""
        rows = {}
        for split, path in self._pickles(folder).items():
            content = unpickle(path)
            listed = [row.name for row in read_split_list(CLASSES, "wnid") if row.split == split]
            pixels, rows[split] = _checked(content, path, listed, self._fetched.images[split])
            np.save(folder / f"{split}.npy", pixels)
            if path.is_relative_to(folder):
                path.unlink()
        write_json(folder / ROWS, rows)

    def _pickles(self, folder: Path) -> dict[str, Path]:
        """Split -> its pickle, whose file name contains the split's (for val also `validation`)."""
        found = list(self._fetched.files.values())
        for archive in [path for path in found if path.suffix != ".pkl"]:
            unpack(archive, folder, lambda path: path.suffix == ".pkl")
            found = [*(path for path in found if path != archive), *folder.rglob("*.pkl")]
        pickles = {split: [path for path in found if split in path.name] for split in SPLITS}
        for split, paths in pickles.items():
            if len(paths) != 1:
                raise DataError(
                    f"{', '.join(map(str, self._fetched.files.values()))}: {len(paths)} pickles of "
                    f"split '{split}', expected one"
                )
        return {split: paths[0] for split, paths in pickles.items()}


def _checked(
    content: object, path: Path, listed: list[str], count: int
) -> tuple[np.ndarray, Mapping[str, list[int]]]:
    """A split's pixels and the rows of its classes, after checking both."""
    if not isinstance(content, dict) or not {"image_data", "class_dict"} <= content.keys():
        raise DataError(f"{path}: expected a dictionary with 'image_data' and 'class_dict'")
    pixels, rows = content["image_data"], content["class_dict"]
    shape = (count, SIDE, SIDE, 3)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != shape:
        raise DataError(
            f"{path}: 'image_data' is {getattr(pixels, 'dtype', type(pixels).__name__)} "
            f"{list(getattr(pixels, 'shape', []))}, expected uint8 {list(shape)}"
        )
    try:
        rows = {name: [int(row) for row in held] for name, held in rows.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path}: 'class_dict' does not list the rows of each class") from error
    require_same(rows, listed, str(path), "classes")
    each = count // len(listed)
    for name, held in rows.items():
        if len(held) != each:
            raise DataError(f"{path}: class '{name}' has {len(held)} images, expected {each}")
    if sorted(row for held in rows.values() for row in held) != list(range(count)):
        raise DataError(f"{path}: 'class_dict' does not use each of the {count} images once")
    return pixels, rows
