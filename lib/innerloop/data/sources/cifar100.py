"""Few-shot data sets made from CIFAR-100: whole classes are trained or tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.cifar import SIDE, cifar_folder, read_batch, read_names
from innerloop.data.sources.pixel_arrays import PixelArrays, Run
from innerloop.data.split_list import read_split_list, require_same
from innerloop.runtime.errors import DataError

ROOT = "cifar-100-python"


class Cifar100Classes(PixelArrays):
    """CIFAR-100's training and test images together, divided by a list of classes."""

    native_size = SIDE
    split_list: Path

    def runs(self) -> list[Run]:
        """Each class and its pictures."""
        folder = cifar_folder(self._fetched, ROOT)
        rows = read_split_list(self.split_list, "fine_label_name", "coarse_label_name")
        names = read_names(folder / "meta", "fine_label_names")
        require_same(names, (row.name for row in rows), str(folder / "meta"), "classes")
        parts = [read_batch(folder / name, "fine_labels") for name in ("train", "test")]
        pixels = np.concatenate([part for part, _ in parts])
        labels = np.concatenate([part for _, part in parts])
        runs = []
        for row in rows:
            found = np.flatnonzero(labels == names.index(row.name))
            expected = self._fetched.images[row.split] // sum(r.split == row.split for r in rows)
            if len(found) != expected:
                raise DataError(
                    f"{folder}: class '{row.name}' has {len(found)} images, expected {expected}"
                )
            entry = ClassEntry(row.name, row.split, len(found), row.superclass)
            runs.append(Run(entry, pixels, found))
        return runs
