r"""Tables as LaTeX with booktabs rules; the document needs only `\usepackage{booktabs}`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence

from innerloop.render.tabulation import by_column, is_numeric

_LETTERS = "αβγδζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"


def _greek(letter: str) -> str:
    name = unicodedata.name(letter).rpartition(" ")[2].lower().replace("lamda", "lambda")
    return rf"$\{name.title() if letter.isupper() else name}$"


_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "√": r"$\surd$",
    **{letter: _greek(letter) for letter in _LETTERS},
    "ε": r"$\varepsilon$",
    "→": r"$\rightarrow$",
    "²": r"\textsuperscript{2}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "‖": r"$\Vert$",
    "\N{NO-BREAK SPACE}": "~",
    "\N{THIN SPACE}": r"\,",
}
_SPECIAL = re.compile("|".join(map(re.escape, _ESCAPES)))
#: Characters that LaTeX's usual fonts lack: all but Latin letters and quotation marks.
_FOREIGN = re.compile(r"[^\n -~\u00a1-\u017e\u2018-\u201f]+")

#: The note to readers if `escape` has replaced characters by their numbers.
BY_NUMBER = (
    "[U+...]: signs that the fonts of LaTeX lack, by their Unicode numbers; report.html and the "
    "figures show them."
)


def escape(text: str) -> str:
    """Text with LaTeX's special characters escaped.

    Characters that its fonts lack are replaced by their Unicode numbers.
    """
    whole = unicodedata.normalize("NFC", text)  # LaTeX's fonts lack combining accents
    return _FOREIGN.sub(
        lambda match: f"[{' '.join(f'U+{ord(sign):04X}' for sign in match[0])}]",
        _SPECIAL.sub(lambda match: _ESCAPES[match[0]], whole),
    )


def lacks(*texts: str) -> bool:
    """Whether LaTeX's fonts lack a character of some texts."""
    return any("[U+" in escape(text) and "[U+" not in text for text in texts)


def booktabs(
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    rules: Container[int] = (),
    bold: Container[tuple[int, int]] = (),
    label: str = "",
) -> str:
    """A `table` float; columns of numbers are set flush right.

    Args:
        caption: plain text; escaped here.
        columns: the header.
        rows: cells, as printed.
        rules: rows that a `\\midrule` precedes.
        bold: cells to set in bold, as (row, column).
        label: name to refer to the table by, as `tab:label`.
    """
    layout = "".join("r" if is_numeric(cells) else "l" for cells in by_column(columns, rows))
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(caption)}}}",
        *([rf"  \label{{tab:{label}}}"] if label else []),
        rf"  \begin{{tabular}}{{{layout}}}",
        r"    \toprule",
        rf"    {' & '.join(map(escape, columns))} \\",
        r"    \midrule",
        *(f"    {line}" for line in body(rows, rules, bold)),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def body(
    rows: Iterable[Sequence[str]], rules: Container[int], bold: Container[tuple[int, int]]
) -> Iterator[str]:
    """The lines of a table's rows, with the rules between them."""
    for number, row in enumerate(rows):
        if number in rules:
            yield r"\midrule"
        cells = (
            rf"\textbf{{{escape(cell)}}}" if (number, index) in bold else escape(cell)
            for index, cell in enumerate(row)
        )
        yield rf"{' & '.join(cells)} \\"
