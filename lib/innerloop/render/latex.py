r"""Tables as LaTeX with booktabs rules; the document needs only `\usepackage{booktabs}`."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from itertools import repeat

import pandas as pd

from innerloop.render.tabulation import is_numeric

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
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "ε": r"$\varepsilon$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
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
_FOREIGN = re.compile(r"[^\n -~\u00a1-\u017e\u2018-\u201f]")


def escape(text: str) -> str:
    """Text with every character that LaTeX would read as a command made harmless.

    A character that its fonts lack is given by its number.
    """
    return _FOREIGN.sub(
        lambda match: f"[U+{ord(match[0]):04X}]",
        _SPECIAL.sub(lambda match: _ESCAPES[match[0]], text),
    )


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
