"""`scripts`: letters of fourteen writing systems in twelve typefaces; 112 classes.

Stands in for FC100: small pictures, and whole superclasses (scripts) held out. The letters come
from the fonts that Matplotlib ships.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import cycle, islice
from pathlib import Path

import matplotlib as mpl
import numpy as np
from fontTools import unicodedata as font_unicode
from PIL import Image, ImageFilter, ImageFont

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.base import Licence
from innerloop.data.sources.drawing import Placement, print_dark_on_light
from innerloop.data.sources.fonts import Glyph, code_points, open_font
from innerloop.data.sources.hash_split import hash_order, hash_split
from innerloop.data.sources.package_files import only_file
from innerloop.runtime.errors import DataError

FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
)
SCRIPTS = (  # ISO 15924
    "Latn",
    "Grek",
    "Cyrl",
    "Armn",
    "Geor",
    "Hebr",
    "Arab",
    "Laoo",
    "Cans",
    "Tfng",
    "Lisu",
    "Ital",
    "Nkoo",
    "Ogam",
)
SPLIT_SIZES = (8, 3, 3)  # whole scripts
LETTERS = 8  # of each script
DRAWINGS = 40  # of each letter
FONT_PIXELS = 96
SMALLEST_LETTER = 30  # pixels with margins; below are dots and strokes
MOST_ALIKE = 0.75
THINNER, BOLDER = ImageFilter.MinFilter(3), ImageFilter.MaxFilter(5)
PLACEMENT = Placement(scale=(0.45, 0.9), rotation=25, shear=0.3, shift=0.12)

Face = tuple[set[int], ImageFont.FreeTypeFont]  # the characters it has, and the typeface


class Scripts:
    """Letters, dark on light, in each typeface in turn, with strokes of three widths."""

    packages = ("matplotlib",)
    licence = Licence(
        name="DejaVu fonts licence and STIX fonts licence",
        attribution="DejaVu fonts (Bitstream Vera, Arev and DejaVu authors) and STIX fonts (STI "
        "Pub companies), from Matplotlib",
        url="https://github.com/matplotlib/matplotlib/tree/main/lib/matplotlib/mpl-data/fonts",
        redistributable=True,
    )

    def __init__(self, native_size: int = 32) -> None:
        self.native_size = native_size

    def catalogue(self) -> list[ClassEntry]:
        """112 classes of 40 pictures; 8/3/3 whole scripts, which are 64/24/24 letters."""
        scripts = {name: _script(glyphs[0].character) for name, glyphs in self.glyphs.items()}
        split = hash_split(set(scripts.values()), "scripts", SPLIT_SIZES)
        return [
            ClassEntry(name, split[script], DRAWINGS, superclass=script)
            for name, script in scripts.items()
        ]

    def pictures(self) -> Iterator[Image.Image]:
        """The pictures, class by class."""
        random = np.random.RandomState(0)
        for glyphs in self.glyphs.values():
            masks = [glyph.mask() for glyph in glyphs]
            for mask in islice(cycle(masks), DRAWINGS):
                pen = random.randint(4)
                if pen == 1:
                    mask = mask.filter(THINNER)
                elif pen == 2:
                    mask = mask.filter(BOLDER)
                placed = PLACEMENT.place(mask, self.native_size, random)
                yield print_dark_on_light(placed, random)

    @cached_property
    def glyphs(self) -> dict[str, list[Glyph]]:
        """Letter -> its glyph in every typeface that has it, script by script.

        Raises:
            DataError: a font is missing, or a script has too few letters.
        """
        faces = _open_faces()
        candidates = _well_covered_letters(faces)
        chosen: dict[str, list[Glyph]] = {}
        shapes: list[np.ndarray] = []  # of all letters chosen, in any script
        for script in SCRIPTS:
            wanted = len(chosen) + LETTERS
            for letter in hash_order(candidates.get(script, ()), "scripts"):
                glyphs = [Glyph(font, letter) for codes, font in faces if ord(letter) in codes]
                mask = glyphs[0].mask()
                if min(mask.size) < SMALLEST_LETTER or _looks_like_one_of(shapes, _shape(mask)):
                    continue
                shapes.append(_shape(mask))
                chosen[unicodedata.name(letter).lower()] = glyphs
                if len(chosen) == wanted:
                    break
            else:
                raise DataError(
                    f"data set 'scripts': script '{script}' has fewer than {LETTERS} letters in "
                    "Matplotlib's fonts that can be told apart; is Matplotlib installed completely?"
                )
        return chosen


def _script(letter: str) -> str:
    return str(font_unicode.script_name(font_unicode.script(letter)))


def _open_faces() -> list[Face]:
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    files = [only_file(folder, f"{face}.ttf") for face in FACES]
    return [(code_points(file), open_font(file, FONT_PIXELS)) for file in files]


def _well_covered_letters(faces: list[Face]) -> dict[str, list[str]]:
    """Script -> plain letters in two or more typefaces, and in nearly as many as the commonest."""
    covered: dict[str, dict[str, int]] = defaultdict(dict)
    for code in sorted(set().union(*(codes for codes, _ in faces))):
        letter = chr(code)
        if _is_plain_letter(letter):
            count = sum(code in codes for codes, _ in faces)
            covered[font_unicode.script(letter)][letter] = count
    return {
        script: [c for c, n in counts.items() if n >= max(2, 0.75 * max(counts.values()))]
        for script, counts in covered.items()
    }


def _is_plain_letter(character: str) -> bool:
    """Neither a mark, an accented letter or a ligature, nor a mathematical copy of a letter."""
    return (
        unicodedata.category(character) in ("Lu", "Ll", "Lo")
        and unicodedata.normalize("NFKD", character) == character
        and ord(character) < 0x1D000
    )


def _shape(mask: Image.Image, side: int = 24) -> np.ndarray:
    """The ink alone, scaled to fill a square as far as its proportions allow."""
    ink = mask.crop(mask.getbbox())
    scale = side / max(ink.size)
    width, height = (max(1, round(length * scale)) for length in ink.size)
    square = Image.new("L", (side, side))
    resized = ink.resize((width, height), Image.Resampling.BOX)
    square.paste(resized, ((side - width) // 2, (side - height) // 2))
    return np.asarray(square, np.float32)


def _looks_like_one_of(shapes: list[np.ndarray], shape: np.ndarray) -> bool:
    """Whether a shape overlaps one of the others too much (A, Alpha and Cyrillic A are one)."""
    overlaps = (np.minimum(other, shape).sum() / np.maximum(other, shape).sum() for other in shapes)
    return any(overlap > MOST_ALIKE for overlap in overlaps)


source = Scripts()
