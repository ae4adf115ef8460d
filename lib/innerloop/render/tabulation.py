"""Tables before they are written to files, and how their cells are printed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.specs.setting import in_full

MISSING = "–"

#: Columns that say which model a row belongs to -> their printed headings.
MODEL_COLUMNS = {
    "protocol": "Protocol",
    "train_dataset": "Trained on",
    "setting": "Setting",
    "eval_dataset": "Tested on",
    "steps": "Inner steps",
    "variant": "Method",
}

#: How far, relatively, the mean of equal numbers in double precision may be from each.
_ROUNDING = 1e-12

_NUMBER = re.compile(
    r"(exactly )?[<±]? ?[−+]?[\d,]+(\.\d+)?( %)?( ± <?[\d,.]+)?( \(sd [\d,.]+\))?"
    r"( (s|min|h|MB|GB))?"
)


@dataclass(frozen=True)
class Tabulation:
    """A table twice: numbers for programs, and text for people.

    Attributes:
        frame: one row per measured quantity, plain numbers.
        display: the table as printed, every cell a string.
        caption: what the numbers are and how they were measured.
        rules: rows of `display` that a horizontal rule precedes.
        bold: cells of `display` to set in bold, as (row, column).
        finding: its main result in one sentence, for the report's abstract; empty: none.
        title: replaces the registered title, for a table made more than once.
    """

    frame: pd.DataFrame
    display: pd.DataFrame
    caption: str
    rules: tuple[int, ...] = ()
    title: str | None = None
    bold: frozenset[tuple[int, int]] = frozenset()
    finding: str = ""


def models_shown(
    summary: pd.DataFrame, study: DescribedStudy, **titles: str
) -> tuple[pd.DataFrame, str]:
    """Columns that say which model each row belongs to, and a sentence on those that are constant.

    Args:
        summary: rows with the columns `MODEL_COLUMNS`.
        study: gives their labels.
        **titles: column -> its heading, if it is not that of `MODEL_COLUMNS`.
    """
    called = {**MODEL_COLUMNS, **titles}
    labels = {
        "protocol": study.protocol_label,
        "train_dataset": study.dataset_label,
        "setting": in_full,
        "eval_dataset": study.dataset_label,
    }
    shown = pd.DataFrame(
        {
            title: [labels.get(column, str)(value) for value in summary[column]]
            for column, title in called.items()
        },
        index=summary.index,
    )
    pairs = zip(summary["variant"], summary["protocol"], strict=True)
    shown["Method"] = [study.label(variant, protocol) for variant, protocol in pairs]
    constant = [
        title for title in called.values() if title != "Method" and len(set(shown[title])) == 1
    ]
    everywhere = ", ".join(f"{title.lower()} {shown[title].iloc[0]}" for title in constant)
    return shown.drop(columns=constant), f"In all rows: {everywhere}." if everywhere else ""


def rules_between(keys: Iterable[object]) -> tuple[int, ...]:
    """Rows preceded by a rule: those whose key differs from that of the row before."""
    rows = [*keys]
    return tuple(row for row in range(1, len(rows)) if rows[row] != rows[row - 1])


def not_measured(what: str, columns: Sequence[str]) -> Tabulation:
    """The table of measurements that the study does not have: a header without rows."""
    empty = pd.DataFrame(columns=list(columns), dtype=str)
    return Tabulation(empty, empty, f"Not measured in this study: {what}.")


def printed(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of plain numbers as text, each with four significant figures."""
    return frame.map(lambda cell: f"{cell:.4g}" if isinstance(cell, float) else str(cell))


def is_numeric(cells: Iterable[str]) -> bool:
    """Whether a column holds numbers and dashes, and at least one of either."""
    numeric = [cell in ("", MISSING) or _NUMBER.fullmatch(cell) is not None for cell in cells]
    return bool(numeric) and all(numeric)


def by_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells of each column of a table that is given by rows."""
    return [[row[index] for row in rows] for index in range(len(columns))]


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number with a true minus sign, or a dash when there is none."""
    if not math.isfinite(value):
        return MISSING
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    if round(value, digits) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def plus_minus(mean: float, half_width: float, digits: int = 1, *, sign: bool = False) -> str:
    """A mean with its interval, as `47.8 ± 1.0`; only the mean if it has no interval.

    A half-width that rounds to zero is `1.000 ± <0.001`; `exactly 1` means that it is zero.
    """
    text = number(mean, digits, sign=sign)
    if not math.isfinite(mean) or not math.isfinite(half_width):
        return text
    if half_width <= _ROUNDING * abs(mean):
        return f"exactly {text.rstrip('0').rstrip('.') if digits else text}"
    if round(half_width, digits) == 0:
        return f"{text} ± <{number(10**-digits, digits)}"
    return f"{text} ± {number(half_width, digits)}"


def p_value(p: float) -> str:
    """A p-value with two significant figures, or `< 0.0001`."""
    if not math.isfinite(p):
        return MISSING
    if p < 1e-4:
        return "< 0.0001"
    return f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def p_equals(p: float) -> str:
    """A p-value as `p = 0.20` or `p < 0.0001`; empty if it is NaN."""
    if math.isnan(p):
        return ""
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def plus_minus_significant(mean: float, half_width: float) -> str:
    """Mean and half-width, with as many decimals as show two figures of the half-width."""
    return plus_minus(mean, half_width, decimals(mean, half_width))


def decimals(mean: float, half_width: float) -> int:
    """Decimals that show two figures of a half-width; without one, four of the mean."""
    scale = half_width if math.isfinite(half_width) and half_width > 0 else abs(mean) / 100
    return 0 if not scale > 0 else min(8, max(0, 1 - math.floor(math.log10(scale))))
