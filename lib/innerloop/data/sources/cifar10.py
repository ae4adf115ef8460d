"""CIFAR-10: ten classes, each with training and test images, for supervised training."""

from __future__ import annotations

import numpy as np

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.cifar import SIDE, cifar_folder, read_batch, read_names
from innerloop.data.sources.pixel_arrays import PixelArrays, Run
from innerloop.runtime.errors import DataError

ROOT = "cifar-10-batches-py"
BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
CLASSES = 10


class Cifar10(PixelArrays):
    """50,000 training and 10,000 test images, as the archive divides them."""

    native_size = SIDE
    split_name = "CIFAR-10's own training and test batches"

    def runs(self) -> list[Run]:
        """Each class and its pictures."""
        folder = cifar_folder(self._fetched, ROOT)
        names = read_names(folder / "batches.meta", "label_names")
        if len(names) != CLASSES:
            raise DataError(f"{folder}: {len(names)} classes, expected {CLASSES}")
        runs = []
        for split, files in BATCHES.items():
            parts = [read_batch(folder / file, "labels") for file in files]
            pixels = np.concatenate([part for part, _ in parts])
            labels = np.concatenate([part for _, part in parts])
            expected = self._fetched.images[split]
            if len(pixels) != expected or not set(labels.tolist()) <= set(range(CLASSES)):
                raise DataError(
                    f"{folder}: {len(pixels)} {split} images of {len(set(labels.tolist()))} "
                    f"classes, expected {expected} of {CLASSES}"
                )
            runs += [
                Run(
                    ClassEntry(name, split, int((labels == k).sum())),
                    pixels,
                    np.flatnonzero(labels == k),
                )
                for k, name in enumerate(names)
            ]
        return runs
