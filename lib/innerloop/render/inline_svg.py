"""Figures as inline SVG, whose colours follow the page into dark mode."""

from __future__ import annotations

import re
from colorsys import hls_to_rgb, rgb_to_hls
from pathlib import Path

#: Background and text colour of the page in dark mode, as in report.css.
GROUND, TEXT = (0x14, 0x17, 0x1B), (0xE6, 0xE9, 0xED)
#: The least contrast of a colour with the dark background.
CONTRAST = 4.5
#: A colour is a grey if its channels differ by no more than this.
GREY = 8

_COLOUR = re.compile(r"(fill|stroke): (#[0-9a-f]{6})")
#: Parts of an SVG file that a page does not need: prologue, metadata and comments.
_NEEDLESS = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)


def inline_svg(file: Path, prefix: str) -> tuple[str, set[str]]:
    """The text of an SVG file as an element of the page.

    Args:
        file: an SVG file, as `write_drawing` writes it.
        prefix: put before all identifiers in it, so that they are unique in the page.

    Returns:
        The element, in which each colour is a CSS variable that defaults to that colour; and the
        colours.
    """
    text = _NEEDLESS.sub("", file.read_text(encoding="utf-8"))
    text = re.sub(r"\n *", "\n", text).replace("\n\n", "\n").strip()
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    colours = {colour for _, colour in _COLOUR.findall(text)}
    return _COLOUR.sub(r"\1: var(--\2, \2)", text).replace("var(--#", "var(--c"), colours


def dark_colours(colours: set[str]) -> dict[str, str]:
    """CSS variable of each colour -> the colour to use in dark mode."""
    return {f"--c{colour[1:]}": dark(colour) for colour in sorted(colours)}


def dark(colour: str) -> str:
    """The colour to use in dark mode instead of a colour.

    Greys are interpolated between the page's background (for white) and its text colour (for
    black); other colours keep their hue and are lightened until their contrast suffices.
    """
    channels = _channels(colour)
    if max(channels) - min(channels) <= GREY:
        share = sum(channels) / 3 / 255
        return _hex([share * g + (1 - share) * t for g, t in zip(GROUND, TEXT, strict=True)])
    hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in channels))
    while contrast(colour, _hex(GROUND)) < CONTRAST:
        lightness = min(1.0, lightness + 0.01)
        colour = _hex([255 * channel for channel in hls_to_rgb(hue, lightness, saturation)])
    return colour


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as WCAG 2 defines it."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (channel / 255 for channel in _channels(colour))
    ]
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))


def _hex(channels: list[float] | tuple[int, ...]) -> str:
    return "#" + "".join(f"{round(channel):02x}" for channel in channels)
