"""Emoji sequences without a text-shaping engine.

A sequence such as woman + skin tone + joiner + rocket is one glyph of an emoji font, reached
through its ligature table. Shaping it is left to a library that Pillow may or may not find on the
system, so the table is read here, and the font is rewritten to reach each glyph by one character.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from fontTools.ttLib import TTFont

from innerloop.runtime.errors import DataError

VARIATION_SELECTOR = 0xFE0F  # "as an emoji": has no effect in an emoji font
PRIVATE_USE = 0xF0000


def read_sequences(font: TTFont) -> dict[tuple[int, ...], str]:
    """Every sequence of code points that the font draws as one glyph -> the glyph's name."""
    characters = font.getBestCmap()
    code_of = {glyph: code for code, glyph in characters.items()}
    sequences: dict[tuple[int, ...], str] = {(c,): glyph for c, glyph in characters.items()}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            ligatures = getattr(getattr(table, "ExtSubTable", table), "ligatures", {})
            for first, endings in ligatures.items():
                for ending in endings:
                    codes = [code_of.get(glyph) for glyph in (first, *ending.Component)]
                    if None not in codes:
                        spoken = tuple(c for c in codes if c and c != VARIATION_SELECTOR)
                        sequences[spoken] = ending.LigGlyph
    return sequences


def one_character_each(font: TTFont, glyphs: Sequence[str]) -> tuple[BytesIO, list[str]]:
    """A font file in which each of the glyphs is one character, and those characters.

    The font handed in is changed.

    Raises:
        DataError: the font has no table for characters of this range.
    """
    # one table only: FreeType may prefer any other that is left, and draw missing-glyph boxes
    tables = [table for table in font["cmap"].tables if table.format == 12][:1]
    if not tables:
        raise DataError("the emoji font has no character table of format 12")
    codes = range(PRIVATE_USE, PRIVATE_USE + len(glyphs))
    tables[0].cmap = dict(zip(codes, glyphs, strict=True))
    font["cmap"].tables = tables
    del font["GSUB"]
    file = BytesIO()
    font.save(file, reorderTables=False)
    file.seek(0)
    return file, [chr(code) for code in codes]
