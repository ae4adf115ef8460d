"""Fonts for the text of figures, with fallbacks for characters that the main font lacks."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import (
    FontEntry,
    FontProperties,
    findfont,
    findSystemFonts,
    fontManager,
    get_font,
)
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

OWN = "DejaVu Sans"

#: Matplotlib's warning about a character that no font has.
NO_GLYPH = "Glyph .* missing from font"
#: Tried first if several fonts have a character: plain fonts for many scripts.
PREFERRED = ("Noto Sans", "Source Han Sans", "WenQuanYi", "Microsoft YaHei", "PingFang", "Arial")
#: Fonts that are not used: they show every character as a box, or in colours figures cannot have.
_NO_SIGNS = ("last resort", "lastresort", "adobe blank", "color emoji")


def give_fonts(figure: Figure) -> str:
    """Set all text of a figure in fonts that have its characters, if this machine has such fonts.

    Returns:
        A sentence on the characters that no font has, which are drawn as boxes; empty if none.
    """
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    families, missing = families_for({sign for text in texts for sign in text.get_text()})
    if len(families) > 1:
        for text in texts:
            text.set_fontfamily(families)
    if not missing:
        return ""
    hit = dict.fromkeys(t.get_text() for t in texts if not missing.isdisjoint(t.get_text()))
    where = ", ".join(f"“{' '.join(text.split())}”" for text in hit)
    return (
        f"No font of the machine that drew this figure has the signs {''.join(sorted(missing))} of "
        f"{where}: they stand as boxes. Install a font that has them (Noto Sans has most scripts) "
        "and draw the figure again."
    )


def families_for(signs: Iterable[str]) -> tuple[list[str], set[str]]:
    """Font families that cover some characters, the main one first, and those that none covers."""
    families = [OWN]
    missing = {sign for sign in signs if _is_drawn(sign)} - _signs_of(findfont(OWN))
    for entry in _others() if missing else ():
        found = missing & _signs_of(entry.fname)
        if found and entry.name not in families:
            families.append(entry.name)
            missing -= found
        if not missing:
            break
    return families, missing


def wrapped(text: str, inches: float, size: float) -> str:
    """Text wrapped to a width, at a font size in points; words that are too wide are broken."""
    lines = [""]
    for piece in _pieces(text, inches, size):
        line = f"{lines[-1]}{piece}"
        if lines[-1] and width_of(line.rstrip(), size) > inches:
            lines.append(piece)
        else:
            lines[-1] = line
    return "\n".join(line.strip() for line in lines)


def width_of(text: str, size: float) -> float:
    """Width in inches of a line of text, at a font size in points."""
    properties = FontProperties(family=families_for(text)[0], size=size)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_GLYPH)  # a box has a width, too
        width, _, _ = text_to_path.get_text_width_height_descent(text, properties, ismath=False)
    return float(width) / 72


def _pieces(text: str, inches: float, size: float) -> Iterator[str]:
    """Words, each with the space after it; words that are too wide, character by character."""
    for word in re.split(r"[^\S\N{NO-BREAK SPACE}]+", text.strip()):
        if width_of(word, size) > inches:
            yield from word
            yield " "
        else:
            yield f"{word} "


def _is_drawn(sign: str) -> bool:
    """Whether a character needs a glyph: all but spaces, joiners and variation selectors."""
    invisible = unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Zs")
    return not (invisible or "\ufe00" <= sign <= "\ufe0f")


@cache
def _signs_of(path: str) -> frozenset[str]:
    try:
        font = get_font(path)
        return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
    except (OSError, RuntimeError):
        return frozenset()  # deleted meanwhile, or unreadable


@cache
def _others() -> tuple[FontEntry, ...]:
    """The machine's fonts, preferred ones first."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):  # installed since matplotlib listed them
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError):
            continue  # not a font that matplotlib can read
    useful = (e for e in fontManager.ttflist if not any(no in e.name.lower() for no in _NO_SIGNS))
    return tuple(sorted(useful, key=_rank))


def _rank(entry: FontEntry) -> tuple[object, ...]:
    preferred = (rank for rank, name in enumerate(PREFERRED) if entry.name.startswith(name))
    usual = entry.style == "normal" and entry.weight in (400, "normal", "regular")
    return next(preferred, len(PREFERRED)), not usual, entry.name, entry.fname
