"""Places a drawing on a picture at random, and prints it in random colours."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from PIL import Image

LUMINANCE = np.array([0.299, 0.587, 0.114])
LEAST_CONTRAST = 90


@dataclass(frozen=True)
class Placement:
    """The range of a drawing's random placements on its picture.

    Attributes:
        scale: smallest and largest length of its longer side, as a fraction of the picture's side.
        rotation: largest angle, in degrees, either way.
        shear: largest horizontal shear, either way.
        shift: largest distance from the centre along each axis, as a fraction of the side.
    """

    scale: tuple[float, float]
    rotation: float
    shear: float
    shift: float

    def place(self, drawing: Image.Image, side: int, random: np.random.RandomState) -> Image.Image:
        """The drawing, placed at random on an empty picture of `side` x `side`."""
        canvas = 2 * side  # drawn at twice the side and halved: one interpolation, smooth edges
        scale = random.uniform(*self.scale) * canvas / max(drawing.size)
        angle = radians(random.uniform(-self.rotation, self.rotation))
        shear = random.uniform(-self.shear, self.shear)
        shift = random.uniform(-self.shift, self.shift, 2) * canvas
        turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        # Pillow asks where each pixel of the canvas comes from, so the map is inverted
        inverse = np.linalg.inv(turn @ np.array([[1, shear], [0, 1]]) * scale)
        offset = np.array(drawing.size) / 2 - inverse @ (canvas / 2 + shift)
        placed = drawing.transform(
            (canvas, canvas),
            Image.Transform.AFFINE,
            tuple(np.column_stack([inverse, offset]).ravel()),
            resample=Image.Resampling.BICUBIC,
        )
        return placed.resize((side, side), Image.Resampling.BOX)


def print_dark_on_light(mask: Image.Image, random: np.random.RandomState) -> Image.Image:
    """The mask as an RGB picture: dark ink on light paper, both of random colour."""
    ink, paper = _inks(random)
    share = np.asarray(mask, np.float32)[..., None] / 255
    return Image.fromarray(np.clip(share * ink + (1 - share) * paper, 0, 255).astype(np.uint8))


def _inks(random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    while True:
        ink = _rgb(random.rand(), random.uniform(0.2, 1), random.uniform(0, 0.75))
        paper = _rgb(random.rand(), random.uniform(0, 0.45), random.uniform(0.7, 1))
        if (paper - ink) @ LUMINANCE > LEAST_CONTRAST:
            return ink, paper


def _rgb(hue: float, saturation: float, value: float) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value)) * 255
