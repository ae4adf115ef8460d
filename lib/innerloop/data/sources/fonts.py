"""Fonts as sources of pictures: which characters a font has, and the drawing of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from fontTools.misc.loggingTools import CapturingLogHandler
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

MARGIN = 6


def code_points(file: Path) -> set[int]:
    """The characters that a font has; Pillow would draw a box for any other and not complain."""
    # harmless flaws of icon fonts ("2 extra bytes in post.stringData array") need no warning
    with CapturingLogHandler("fontTools", "WARNING"), TTFont(file, lazy=True) as font:
        return set(font.getBestCmap())


def open_font(file: Path | BytesIO, pixels: int) -> ImageFont.FreeTypeFont:
    """A font at a size, with the layout engine that needs no system library."""
    return ImageFont.truetype(file, pixels, layout_engine=ImageFont.Layout.BASIC)


@dataclass(frozen=True)
class Glyph:
    """One character of one font."""

    font: ImageFont.FreeTypeFont
    character: str

    def mask(self) -> Image.Image:
        """Its ink as a grey picture (255: ink), cropped tight with a margin; black if blank."""
        return self._draw("L", MARGIN, fill=255)

    def colours(self) -> Image.Image:
        """Its colour layers as a tight RGBA picture."""
        return self._draw("RGBA", 0, embedded_color=True)

    def _draw(self, mode: str, margin: int, **ink: object) -> Image.Image:
        left, top, right, bottom = map(round, self.font.getbbox(self.character))
        # hinting may draw a little outside the box that the font announces
        picture = Image.new(mode, (right - left + 8, bottom - top + 8))
        ImageDraw.Draw(picture).text((4 - left, 4 - top), self.character, font=self.font, **ink)
        left, top, right, bottom = picture.getbbox() or (0, 0, 0, 0)
        return picture.crop((left - margin, top - margin, right + margin, bottom + margin))
