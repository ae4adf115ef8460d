"""`digits`: 1,797 handwritten digits; 10 classes, each with training and test images.

Stands in for CIFAR-10 in supervised training. The images come with scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.base import Licence

BRIGHTEST = 16
HELD_OUT = slice(3, None, 4)


class Digits:
    """Digits written by 13 people, 8 x 8 pixels, enlarged; a quarter of each is held out."""

    packages = ("scikit-learn",)
    licence = Licence(
        name="UCI Machine Learning Repository, cite the authors",
        attribution="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (1998)",
        url="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        redistributable=True,
    )

    def __init__(self, native_size: int = 32) -> None:
        self.native_size = native_size

    def catalogue(self) -> list[ClassEntry]:
        """Ten classes, each with a training entry and a test entry."""
        return [ClassEntry(digit, split, len(i)) for (digit, split), i in self._images.items()]

    def pictures(self) -> Iterator[Image.Image]:
        """The pictures, entry by entry."""
        side = (self.native_size, self.native_size)
        for images in self._images.values():
            for image in images:
                grey = Image.fromarray((image * 255 / BRIGHTEST).astype(np.uint8))
                yield grey.resize(side, Image.Resampling.BICUBIC).convert("RGB")

    @cached_property
    def _images(self) -> dict[tuple[str, str], np.ndarray]:
        """(digit, split) -> its images, [n, 8, 8]; every fourth image of a digit is held out."""
        bunch = load_digits()
        entries: dict[tuple[str, str], np.ndarray] = {}
        for digit in range(10):
            images = bunch.images[bunch.target == digit]
            held_out = np.zeros(len(images), dtype=bool)
            held_out[HELD_OUT] = True
            entries[str(digit), "train"] = images[~held_out]
            entries[str(digit), "test"] = images[held_out]
        return entries


source = Digits()
