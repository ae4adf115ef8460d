"""Make a paper's figure or table, and write its files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from innerloop.measurements.evidence import Evidence
from innerloop.papers.paper import Product
from innerloop.render.drawing import Drawing
from innerloop.render.files import About, write_drawing, write_tabulation
from innerloop.render.style import theme
from innerloop.render.tabulation import Tabulation, printed
from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import load_entry


def draw(product: Product, evidence: Evidence, stem: Path | str, made_by: str = "") -> None:
    """Draw a figure into `stem`.pdf, .png, .svg and .json.

    A figure that shows its paper's `own` variants is drawn as if the study had no others. A file
    may return a plain matplotlib figure; the caption is then its constant CAPTION.

    Raises:
        ExtensionError: it returns something else.
    """
    function = load_entry(product.entry)
    with theme():
        drawing = function(_shown(product, evidence))
    if isinstance(drawing, Figure):
        drawing = Drawing(drawing, _caption(function), product.title)
    if not isinstance(drawing, Drawing):
        raise ExtensionError(
            f"{product.entry} returned {drawing!r}; expected innerloop.Drawing(figure, caption, "
            "alt), or a matplotlib figure"
        )
    write_drawing(drawing, _about(product, made_by), stem)


def tabulate(product: Product, evidence: Evidence, stem: Path | str, made_by: str = "") -> None:
    """Write a table into `stem`.csv, .tex and .json.

    A file may return a plain DataFrame; the caption is then its constant CAPTION.

    Raises:
        ExtensionError: it returns something else.
    """
    function = load_entry(product.entry)
    table = function(_shown(product, evidence))
    if isinstance(table, pd.DataFrame):
        table = Tabulation(table, printed(table), _caption(function))
    if not isinstance(table, Tabulation):
        raise ExtensionError(
            f"{product.entry} returned {table!r}; expected innerloop.Tabulation(frame, display, "
            "caption), or a DataFrame"
        )
    write_tabulation(table, _about(product, made_by), stem)


def _shown(product: Product, evidence: Evidence) -> Evidence:
    return evidence.of_paper(product.paper) if product.shows == "own" else evidence


def _caption(function: Callable[[Evidence], object]) -> str:
    return str(getattr(sys.modules[function.__module__], "CAPTION", ""))


def _about(product: Product, made_by: str) -> About:
    return About(product.paper, product.name, product.title, product.shows == "fuller", made_by)
