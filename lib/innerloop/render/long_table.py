r"""Tables for the printed report, which may span pages but are never wider than the page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from innerloop.render.latex import body, escape
from innerloop.render.tabulation import by_column, is_numeric

#: Text width of a portrait and a landscape page, in centimetres.
UPRIGHT, TURNED = 17.0, 25.7
#: The beginning of a landscape table.
LANDSCAPE = r"\begin{landscape}"
#: Width of a character by font size, and of the space between columns, in centimetres.
SIZES = {r"\small": 0.165, r"\footnotesize": 0.148, r"\scriptsize": 0.132}
GAP = 0.28
#: The same for an article's default type and column spacing.
USUAL, USUAL_GAP = 0.18, 0.42
#: Columns with cells of more than LONG characters may be wrapped, to NARROWEST or more centimetres.
LONG, NARROWEST = 18, 1.7
#: Lines that a cell may be wrapped to, tried in turn: smaller type is better than many lines.
LINES = (2, 3, 6)
#: Rows that fit on a page with a caption.
ROWS = 40


@dataclass(frozen=True)
class _Fit:
    """A layout: font size, text width of the page, and the width of each wrapped column."""

    size: str
    page: float
    wrapped: dict[int, float]


def long_table(
    title: str,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    rules: Collection[int] = (),
    bold: Collection[tuple[int, int]] = (),
    label: str = "",
) -> str:
    """A `longtable`, in landscape if it would otherwise be too wide.

    Args:
        title: the table's title; empty: no caption.
        caption: the text after the title.
        columns: the header.
        rows: cells, as printed.
        rules: rows that a `\\midrule` precedes.
        bold: cells to set in bold, as (row, column).
        label: name to refer to the table by, as `tab:label`.
    """
    cells = by_column(columns, rows)
    fit = _fit(columns, cells)
    caption = rf"\caption{{\textbf{{{escape(title)}.}} {escape(caption)}}}"
    named = rf"\label{{tab:{label}}}" if label else ""
    layout = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{fit.wrapped[index]:.2f}cm}}"
        if index in fit.wrapped
        else "r"
        if is_numeric(column)
        else "l"
        for index, column in enumerate(cells)
    )
    head = " & ".join(_head(name, index, fit, cells) for index, name in enumerate(columns))
    lines = [
        rf"{{{fit.size}\setlength{{\tabcolsep}}{{{GAP / 2}cm}}",
        rf"\begin{{longtable}}{{@{{}}{layout}@{{}}}}",
        *([rf"{caption}{named}\\"] if title else []),
        rf"\toprule {head} \\ \midrule \endfirsthead",
        rf"\toprule {head} \\ \midrule \endhead",
        r"\midrule \endfoot",
        r"\bottomrule \endlastfoot",
    ]
    lines += body(rows, rules, bold)
    if not rows:
        lines.append(rf"\multicolumn{{{len(columns)}}}{{@{{}}l@{{}}}}{{\emph{{not measured}}}} \\")
    lines += [r"\end{longtable}", "}"]
    text = "\n".join(lines)
    return text if fit.page == UPRIGHT else f"{LANDSCAPE}\n{text}\n\\end{{landscape}}"


def fits_a_page(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table fits on one portrait page in default type, with no cell wrapped."""
    cells = by_column(columns, rows)
    lengths = [max(map(len, [name, *own])) for name, own in zip(columns, cells, strict=True)]
    width = USUAL * sum(lengths) + USUAL_GAP * (len(lengths) - 1)
    return len(rows) <= ROWS and width <= UPRIGHT


def _fit(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> _Fit:
    """The first layout that fits: portrait before landscape, then few lines, then large type."""
    lengths = [
        max([*map(len, column), *map(len, name.split())], default=1)
        for name, column in zip(columns, cells, strict=True)
    ]
    fits = (
        _Fit(size, page, wrapped)
        for page, sizes in ((UPRIGHT, SIZES), (TURNED, [*SIZES][1:]))
        for lines in LINES
        for size in sizes
        if (wrapped := _wrapped(lengths, SIZES[size], page, lines)) is not None
    )
    even = dict.fromkeys(range(len(columns)), TURNED / len(columns) - GAP)
    return next(fits, _Fit([*SIZES][-1], TURNED, even))


def _wrapped(
    lengths: Sequence[int], character: float, page: float, most: int
) -> dict[int, float] | None:
    """Widths of the columns that must be wrapped; None if they would be too narrow or too high."""
    room = page - GAP * (len(lengths) - 1)
    if sum(lengths) * character <= room:
        return {}
    long = {index: length for index, length in enumerate(lengths) if length > LONG}
    room -= sum(length * character for index, length in enumerate(lengths) if index not in long)
    if not long or room <= 0:
        return None
    # in proportion to the root of their length: the longest may take more lines
    total = sum(length**0.5 for length in long.values())
    widths = {index: room * length**0.5 / total for index, length in long.items()}
    lines = max(long[index] * character / width for index, width in widths.items())
    return widths if min(widths.values()) >= NARROWEST and lines <= most else None


def _head(name: str, index: int, fit: _Fit, cells: Sequence[Sequence[str]]) -> str:
    """A column's heading, one word per line if it is longer than the column's cells."""
    longest = max(map(len, cells[index]), default=0)
    if index in fit.wrapped or len(name) <= max(longest, 6):
        return escape(name)
    side = "r" if is_numeric(cells[index]) else "l"
    words = r" \\ ".join(map(escape, name.split()))
    return rf"\begin{{tabular}}[b]{{@{{}}{side}@{{}}}}{words}\end{{tabular}}"
