r"""Tables as LaTeX with booktabs rules; the document needs only `\usepackage{booktabs}`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from itertools import repeat

import pandas as pd

from innerloop.render.tabulation import is_numeric

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
#: What LaTeX's usual fonts have no sign for: beyond Latin letters and quotation marks.
_FOREIGN = re.compile(r"[^\n -~\u00a1-\u017e\u2018-\u201f]+")

#: What a reader must be told where `escape` gave signs by their numbers.
BY_NUMBER = (
    "[U+...]: signs that the fonts of LaTeX lack, by their Unicode numbers; report.html and the "
    "figures show them."
)


def escape(text: str) -> str:
    """Text with every character that LaTeX would read as a command made harmless.

    Signs that its fonts lack are given by their numbers.
    """
    whole = unicodedata.normalize("NFC", text)  # an accent of its own is none of LaTeX's letters
    return _FOREIGN.sub(
        lambda match: f"[{' '.join(f'U+{ord(sign):04X}' for sign in match[0])}]",
        _SPECIAL.sub(lambda match: _ESCAPES[match[0]], whole),
    )


def lacks(*texts: str) -> bool:
    """Whether LaTeX's fonts lack a sign of some texts."""
    return any("[U+" in escape(text) and "[U+" not in text for text in texts)


def booktabs(
    display: pd.DataFrame,
    caption: str,
    rules: Iterable[int] = (),
    label: str = "",
    bold: Container[tuple[int, int]] = (),
) -> str:
    """A `table` float of a frame of strings; columns of numbers are set flush right.

    Args:
        display: the cells, already formatted.
        caption: plain text; escaped here.
        rules: rows that a `\\midrule` precedes.
        label: name to refer to the table by, as `tab:label`.
        bold: cells to set in bold, as (row, column).
    """
    columns = [display.iloc[:, index] for index in range(display.shape[1])]
    layout = "".join("r" if is_numeric(column) else "l" for column in columns)
    ruled = set(rules)
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape(caption)}}}",
        *([rf"  \label{{tab:{label}}}"] if label else []),
        rf"  \begin{{tabular}}{{{layout}}}",
        r"    \toprule",
        _line(display.columns),
        r"    \midrule",
    ]
    for index, row in enumerate(display.itertuples(index=False)):
        if index in ruled:
            lines.append(r"    \midrule")
        lines.append(_line(row, [(index, column) in bold for column in range(len(columns))]))
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str], bold: Iterable[bool] = repeat(False)) -> str:
    texts = (escape(str(cell)) for cell in cells)
    marked = (
        rf"\textbf{{{text}}}" if mark else text for text, mark in zip(texts, bold, strict=False)
    )
    return "    " + " & ".join(marked) + r" \\"
