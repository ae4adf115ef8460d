"""Figures and tables as files: equal measurements give equal bytes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
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
    """Which figure or table a set of files contains.

    Attributes:
        paper: the folder of the paper it belongs to.
        name: its name in that folder.
        title: its title in reports.
        fuller: whether it is the second version of a figure, which shows all the study's variants.
        made_by: digest of the parameters and inputs of the job that makes it; empty: no job.
    """

    paper: str
    name: str
    title: str
    fuller: bool = False
    made_by: str = ""

    def as_json(self) -> dict[str, Any]:
        """The part of its .json that identifies it."""
        content: dict[str, Any] = as_json(self)
        return content if self.made_by else {k: v for k, v in content.items() if k != "made_by"}


def write_drawing(drawing: Drawing, about: About, stem: Path | str) -> None:
    """Write `stem`.pdf, .png and .svg, and .json with the caption and the curves' data.

    Args:
        drawing: the figure.
        about: which figure it is.
        stem: path of the files without their suffix.
    """
    stem = Path(stem)
    with theme(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", NO_GLYPH)  # the caption says it instead
        without_font = give_fonts(drawing.figure)
        name_error_bars(drawing.figure)
        # laid out once: all formats look the same, and the slowest part is not repeated
        drawing.figure.draw_without_rendering()
        drawing.figure.set_layout_engine("none")
        for suffix, metadata in FORMATS.items():
            with atomic_path(with_suffix(stem, suffix)) as temporary:
                drawing.figure.savefig(temporary, metadata=metadata)
                if suffix == ".svg":
                    _name_groups(temporary)
    content = about.as_json()
    if without_font:
        print(f"warning: {stem.name}: {without_font}", flush=True)
    content |= {"caption": join(drawing.caption, without_font), "alt": drawing.alt}
    content |= {"measured": drawing.measured, "finding": drawing.finding}
    content["width_inches"] = float(drawing.figure.get_figwidth())
    content["curves"] = curves_shown(drawing.figure)
    write_json(with_suffix(stem, ".json"), content)


def _name_groups(svg: Path) -> None:
    """Turn the names of groups into data attributes, and remove all other groups' identifiers."""
    text = svg.read_text(encoding="utf-8")
    named = "|".join(kind.strip() for kind in (CURVE, LEGEND, KEPT))
    text = re.sub(rf'<g id="({named})\b ?', r'<g data-\1="', text)
    svg.write_text(re.sub(r'<g id="[^"]*"', "<g", text), encoding="utf-8")


def _no_formula(cell: Any) -> Any:
    """A cell or header, quoted if a spreadsheet would take it for a formula."""
    if not isinstance(cell, str) or not re.match(r"[=+\-@\t\r](?![\d.]*$)", cell):
        return cell
    return f"'{cell}"


def write_tabulation(tabulation: Tabulation, about: About, stem: Path | str) -> None:
    """Write `stem`.csv with the numbers, .tex with the printed table, and .json for the report.

    Args:
        tabulation: the table.
        about: which table it is.
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
        temporary.write_text(_latex(tabulation, title, id_of(vars(about))), encoding="utf-8")
    content = {
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
    write_json(with_suffix(stem, ".json"), content)


def _latex(made: Tabulation, title: str, label: str) -> str:
    """A float if it fits on a page, or else a `longtable`; a comment lists the packages needed."""
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


def id_of(item: Mapping[str, Any]) -> str:
    """A name for a figure or table, given its .json, that is unique among all folders."""
    return f"{item['paper']}_{item['name']}"


def with_suffix(stem: Path, suffix: str) -> Path:
    """Append a suffix to a stem, which may contain dots."""
    return stem.with_name(stem.name + suffix)
