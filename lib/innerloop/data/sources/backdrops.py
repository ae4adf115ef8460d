"""Photographic backgrounds: random crops of the two photographs that scikit-learn ships."""

from __future__ import annotations

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

PHOTOGRAPHS = ("china.jpg", "flower.jpg")
LEAST_CROP, MOST_CROP = 60, 260


class Backdrops:
    """Crops of the photographs, at random places and sizes, some mirrored."""

    def __init__(self) -> None:
        self._photographs = [Image.fromarray(load_sample_image(name)) for name in PHOTOGRAPHS]

    def crop(self, side: int, random: np.random.RandomState) -> Image.Image:
        """One random crop, resized to `side` x `side`."""
        photograph = self._photographs[random.randint(len(self._photographs))]
        length = random.randint(LEAST_CROP, MOST_CROP)
        left = random.randint(photograph.width - length)
        top = random.randint(photograph.height - length)
        crop = photograph.resize(
            (side, side),
            Image.Resampling.BOX if length > side else Image.Resampling.BICUBIC,
            box=(left, top, left + length, top + length),
        )
        if random.rand() < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return crop
