"""Figures and tables as files: equal measurements give equal bytes."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from innerloop.render.captions import join
from innerloop.render.curves_shown import curves_shown, name_error_bars
from innerloop.render.drawing import Drawing
from innerloop.render.fonts import NO_GLYPH, give_fonts
from innerloop.render.latex import BY_NUMBER, booktabs, lacks
from innerloop.render.long_table import fits_a_page, long_table
from innerloop.render.style import CURVE, KEPT, LEGEND, theme
from innerloop.render.tabulation import Tabulation
from innerloop.runtime.files import atomic_path, write_json
from innerloop.runtime.typed_json import as_json

#: Formats of a figure, and the metadata that would otherwise hold the date or the program.
FORMATS: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {"Software": None},
}


@dataclass(frozen=True)
class About:
    """Which figure or table some files hold.

    Attributes:
        paper: name of the folder that it is from.
        name: of its file there.
        title: what reports call it.
        fuller: whether it is the second form of one, which shows every variant of the study.
        made_by: digest of what decides the job that makes it, if one does.
    """

    paper: str
    name: str
    title: str
    fuller: bool = False
    made_by: str = ""

    @property
    def id(self) -> str:
        """Its name among those of all folders."""
        return f"{self.paper}_{self.name}"

    def as_json(self) -> dict[str, Any]:
        """What its .json says of it."""
        said: dict[str, Any] = as_json(self)
        return said if self.made_by else {k: v for k, v in said.items() if k != "made_by"}


def write_drawing(drawing: Drawing, about: About, stem: Path | str) -> None:
    """Write `stem`.pdf, .png and .svg, and .json with what a reader must be told.

    Args:
        drawing: what was drawn.
        about: what the figure is.
        stem: path of the files without their suffix.
    """
    stem = Path(stem)
    with theme(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_GLYPH)  # said in words instead
        without_font = give_fonts(drawing.figure)
        name_error_bars(drawing.figure)
        # laid out once: all formats show the same, and the slowest part is not done three times
        drawing.figure.draw_without_rendering()
        drawing.figure.set_layout_engine("none")
        for suffix, metadata in FORMATS.items():
            with atomic_path(with_suffix(stem, suffix)) as temporary:
                drawing.figure.savefig(temporary, metadata=metadata)
                if suffix == ".svg":
                    _name_groups(temporary)
    said = about.as_json()
    if without_font:
        print(f"warning: {stem.name}: {without_font}", flush=True)
    said |= {"caption": join(drawing.caption, without_font), "alt": drawing.alt}
    said |= {"measured": drawing.measured, "finding": drawing.finding}
    said["width_inches"] = float(drawing.figure.get_figwidth())
    said["curves"] = curves_shown(drawing.figure)
    write_json(with_suffix(stem, ".json"), said)


def _name_groups(svg: Path) -> None:
    """Say of each group what it is of; identifiers of the others are of no use to anyone."""
    text = svg.read_text(encoding="utf-8")
    named = "|".join(kind.strip() for kind in (CURVE, LEGEND, KEPT))
    text = re.sub(rf'<g id="({named})\b ?', r'<g data-\1="', text)
    svg.write_text(re.sub(r'<g id="[^"]*"', "<g", text), encoding="utf-8")


def _no_formula(cell: Any) -> Any:
    """A cell or header that no spreadsheet computes, though it begins as a formula does."""
    if not isinstance(cell, str) or not re.match(r"[=+\-@\t\r](?![\d.]*$)", cell):
        return cell
    return f"'{cell}"


def write_tabulation(tabulation: Tabulation, about: About, stem: Path | str) -> None:
    """Write `stem`.csv with the numbers, .tex with the printed table, and .json for the report.

    Args:
        tabulation: what was made.
        about: what the table is.
        stem: path of the files without their suffix.
    """
    stem = Path(stem)
    with atomic_path(with_suffix(stem, ".csv")) as temporary:
        frame = tabulation.frame
        texts = [*frame.columns, *frame.select_dtypes(exclude="number").to_numpy().flat]
        if any(_no_formula(text) is not text for text in texts):
            frame = frame.map(_no_formula).rename(columns=_no_formula)
        frame.to_csv(temporary, index=False, lineterminator="\n")
    title = tabulation.title or about.title
    with atomic_path(with_suffix(stem, ".tex")) as temporary:
        temporary.write_text(_latex(tabulation, title, about.id), encoding="utf-8")
    said = {
        **about.as_json(),
        "title": title,
        "measured": not tabulation.frame.empty,
        "finding": tabulation.finding,
        "caption": tabulation.caption,
        "columns": [str(column) for column in tabulation.display.columns],
        "rows": tabulation.display.astype(str).to_numpy().tolist(),
        "rules": list(tabulation.rules),
        "bold": sorted(map(list, tabulation.bold)),
    }
    write_json(with_suffix(stem, ".json"), said)


def _latex(made: Tabulation, title: str, label: str) -> str:
    """A float where a page has room for it, else a table over pages; first what it needs."""
    columns = [str(column) for column in made.display.columns]
    rows = made.display.astype(str).to_numpy().tolist()
    by_number = lacks(title, made.caption, *columns, *(cell for row in rows for cell in row))
    caption = join(made.caption, BY_NUMBER if by_number else "")
    if fits_a_page(columns, rows):
        needs = "booktabs"
        text = booktabs(caption, columns, rows, made.rules, made.bold, label)
    else:
        needs = "array,booktabs,longtable,pdflscape"
        text = long_table(title, caption, columns, rows, made.rules, made.bold, label) + "\n"
    return f"% needs \\usepackage{{{needs}}}\n{text}"


def with_suffix(stem: Path, suffix: str) -> Path:
    """Append a suffix, whatever dots the stem has."""
    return stem.with_name(stem.name + suffix)
