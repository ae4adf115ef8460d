"""`symbols`: pictured things (airplane, bell, dice) drawn by seven icon families; 100 classes.

Stands in for miniImageNet. The icons come from the fonts inside the package QtAwesome; a class
varies because many designers draw the same thing.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.sources.base import Licence
from innerloop.data.sources.drawing import Placement, print_dark_on_light
from innerloop.data.sources.fonts import Glyph, code_points, open_font
from innerloop.data.sources.hash_split import hash_order, hash_split
from innerloop.data.sources.package_files import only_file, package_folder
from innerloop.data.sources.word_list import read_word_list
from innerloop.runtime.errors import DataError

# Left out: Font Awesome 5 and Material Design 5 (the same drawings as 6), brands (trademarks).
FAMILIES = {
    "cod": "codicon",
    "el": "elusiveicons",
    "far": "fontawesome6-regular",
    "fas": "fontawesome6-solid",
    "mdi": "materialdesignicons6",
    "ph": "phosphor",
    "ri": "remixicon",
}
OTHER_PENS = ("-bold", "-light", "-thin", "-duotone")  # Phosphor draws each icon in six pens
SPLIT_SIZES = (64, 16, 20)
FEWEST_ICONS, MOST_ICONS = 20, 60
DRAWINGS = 2  # of each icon
FONT_PIXELS = 128
PLACEMENT = Placement(scale=(0.7, 0.85), rotation=8, shear=0.06, shift=0.04)


class Symbols:
    """Icons, dark on light; each is drawn twice, in different colours and slightly displaced."""

    packages = ("qtawesome",)
    licence = Licence(
        name="SIL OFL 1.1, Apache 2.0, MIT and CC BY 4.0, by icon family",
        attribution="Font Awesome and Elusive Icons (SIL OFL 1.1), Material Design Icons and Remix "
        "Icon (Apache 2.0), Phosphor (MIT), Codicons by Microsoft (CC BY 4.0), from QtAwesome",
        url="https://github.com/spyder-ide/qtawesome#license",
        redistributable=True,
    )

    def __init__(self, native_size: int = 84) -> None:
        self.native_size = native_size

    def catalogue(self) -> list[ClassEntry]:
        """100 classes of 40 to 120 pictures, split 64/16/20."""
        split = hash_split(self.glyphs, "symbols", SPLIT_SIZES)
        return [
            ClassEntry(name, split[name], DRAWINGS * len(icons))
            for name, icons in self.glyphs.items()
        ]

    def pictures(self) -> Iterator[Image.Image]:
        """The pictures, class by class."""
        random = np.random.RandomState(0)
        for icons in self.glyphs.values():
            for mask in [icon.mask() for icon in icons] * DRAWINGS:
                placed = PLACEMENT.place(mask, self.native_size, random)
                yield print_dark_on_light(placed, random)

    @cached_property
    def glyphs(self) -> dict[str, list[Glyph]]:
        """Class -> its icons, each drawing once; the families take turns until there are enough.

        Raises:
            DataError: a font is missing, or a class has too few icons.
        """
        drawings = {name: _drawings(icons) for name, icons in _icons(_class_of_word()).items()}
        # aliases: one drawing can be `lock` and `git-fork-private`, and is then neither
        claims = Counter(drawing for icons in drawings.values() for drawing in icons)
        glyphs = {
            name: [icon for drawing, icon in icons.items() if claims[drawing] == 1][:MOST_ICONS]
            for name, icons in drawings.items()
        }
        for name, icons in glyphs.items():
            if len(icons) < FEWEST_ICONS:
                raise DataError(
                    f"data set 'symbols': class '{name}' has {len(icons)} icons, expected at least "
                    f"{FEWEST_ICONS}; is QtAwesome installed in the version that pyproject.toml "
                    "names?"
                )
        return glyphs


def _class_of_word() -> dict[str, str]:
    listed = read_word_list(Path(__file__).with_name("symbols.txt"))
    return {word: name for name, words in sorted(listed.items()) for word in words.split()}


def _icons(class_of: dict[str, str]) -> dict[str, list[Glyph]]:
    """Class -> all icons whose first word names it, the families taking turns."""
    families: dict[str, list[list[Glyph]]] = {name: [] for name in class_of.values()}
    for tag, stem in FAMILIES.items():
        for name, icons in _icons_of_family(tag, stem, class_of).items():
            families[name].append(icons)
    return {
        name: [icon for turn in zip_longest(*lists) for icon in turn if icon is not None]
        for name, lists in families.items()
    }


def _icons_of_family(tag: str, stem: str, class_of: dict[str, str]) -> dict[str, list[Glyph]]:
    folder = package_folder("qtawesome") / "fonts"
    file = only_file(folder, f"{stem}-*.ttf")
    names = json.loads(only_file(folder, f"{stem}-*charmap-*.json").read_text(encoding="utf-8"))
    drawable = code_points(file)
    codes: dict[str, set[int]] = defaultdict(set)
    for icon, code in names.items():
        name = class_of.get(icon.partition("-")[0])
        negated = "-off" in icon  # a slashed icon: a class of its own
        if name is None or negated or (tag == "ph" and icon.endswith(OTHER_PENS)):
            continue
        if int(code, 16) in drawable:
            codes[name].add(int(code, 16))
    font = open_font(file, FONT_PIXELS)
    return {
        name: [Glyph(font, chr(code)) for code in hash_order(found, name + tag)]
        for name, found in codes.items()
    }


def _drawings(icons: list[Glyph]) -> dict[bytes, Glyph]:
    """The first icon of each drawing; drawings are told apart at 16 x 16 pixels."""
    drawings: dict[bytes, Glyph] = {}
    for icon in icons:
        mask = icon.mask()
        if mask.getbbox() is not None:
            drawings.setdefault(mask.resize((16, 16)).tobytes(), icon)
    return drawings


source = Symbols()
