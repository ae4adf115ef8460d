"""How every figure looks: theme, colours, markers, labels of layers.

A variant has the same colour, marker and dashes in every figure of every study. Colours can be told
apart by the colour-blind, and never carry meaning alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatterSciNotation

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.layers import LAYERS
from innerloop.render import fonts

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

#: Font size of titles, in points.
TITLE = 9
#: Lengths in a legend, in units of its font size.
HANDLE, GAP = 3, 1.4
#: What the next word of a title stays on one line with, as in `5-way 1-shot` and `32 px`.
_TOGETHER = re.compile(r"(-way|(?<!\S)[\d.]+) (?=[\w%])")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

#: How the `gid` of an artist begins: it is part of a curve, or of a curve's entry in a legend, or
#: it keeps its colour in dark mode. In SVG files they become attributes, data-curve and so on.
CURVE, LEGEND, KEPT = "curve ", "legend ", "kept"

Dashes = str | tuple[int, tuple[float, ...]]

SOLID: Dashes = "-"
DASHED: Dashes = (0, (4, 1.5))
DOTTED: Dashes = (0, (1, 1.2))
DASH_DOTTED: Dashes = (0, (5, 1.3, 1, 1.3))


@dataclass(frozen=True)
class Look:
    """Label, colour, marker and dashes of one curve."""

    label: str
    colour: Any
    marker: str
    dashes: Dashes = SOLID

    @property
    def curve(self) -> str:
        """The `gid` of the curve's artists, by which the page hides it and shows its values."""
        return f"{CURVE}{self.label}"

    def line(self) -> dict[str, Any]:
        """Keywords of `Axes.plot` and `Axes.errorbar`."""
        return {
            "label": self.label,
            "color": self.colour,
            "marker": self.marker,
            "linestyle": self.dashes,
            "gid": self.curve,
        }


_VARIANTS: Mapping[str, tuple[str, str, Dashes]] = {
    "maml": ("#0173b2", "o", SOLID),
    "maml_3x": ("#56b4e9", "D", DASHED),
    "anil": ("#029e73", "s", DASH_DOTTED),
    "boil": ("#9a6324", "P", DASHED),
    "scaled_lr": ("#d55e00", "^", SOLID),
    "unit_norm": ("#cc78bc", "v", SOLID),
    "meta_sgd": ("#de8f05", "X", DASH_DOTTED),
    "untrained": ("#949494", ".", DOTTED),
    "raw_pixels": ("#5f5f5f", ".", DOTTED),
}
_FREE_COLOURS = ("#000000", "#332288", "#999933", "#882255", "#44aa99", "#661100")
_FREE_MARKERS = ("*", "h", "<", ">", "p", "d", "H")
_FREE_DASHES: tuple[Dashes, ...] = (DASHED, DASH_DOTTED, SOLID, DOTTED)

_LAYER_COLOURS = [*sns.color_palette("crest", 4).as_hex(), "#c2185b"]
#: The looks of the papers' data sets, in the order of their figures.
_DATASETS: Sequence[tuple[str, str, Dashes]] = (
    ("#ddaa33", "s", DASHED),
    ("#bb5566", "^", DASH_DOTTED),
    ("#004488", "o", SOLID),
)
_LAYERS = dict(zip(LAYERS, zip(_LAYER_COLOURS, "osD^X", strict=True), strict=True))


@contextmanager
def theme() -> Iterator[None]:
    """The settings under which figures are drawn and saved; also a decorator of `draw`."""
    settings = {
        **sns.axes_style("ticks"),
        **sns.plotting_context("paper"),
        "axes.axisbelow": True,
        "axes.edgecolor": "0.4",
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": TITLE,
        "errorbar.capsize": 1.5,
        "figure.constrained_layout.use": True,
        "figure.dpi": 100,
        "figure.titlesize": 10,
        "font.family": [fonts.OWN],
        "grid.color": "0.9",
        "legend.frameon": False,
        "lines.linewidth": 1.4,
        "lines.markersize": 4.5,
        "pdf.fonttype": 42,
        "savefig.dpi": 200,
        "svg.fonttype": "path",
        "svg.hashsalt": "innerloop",
        "text.parse_math": False,  # labels are the user's: a $ in them is a dollar
        "text.usetex": False,
        "xtick.color": "0.3",
        "xtick.labelcolor": "0.1",
        "ytick.color": "0.3",
        "ytick.labelcolor": "0.1",
    }
    with mpl.rc_context(settings):
        yield


def variant_looks(study: DescribedStudy, protocol: str) -> dict[str, Look]:
    """The look of every variant of a study, with its label under a protocol.

    Variants that are not built in get free colours, the same under every protocol.
    """
    names = (*study.variant_names, "raw_pixels")
    return looks_of({name: study.label(name, protocol) for name in names})


def looks_shown(looks: Mapping[str, Look], rows: pd.DataFrame) -> dict[str, Look]:
    """The looks of the variants that occur in some rows, in their order."""
    return {name: look for name, look in looks.items() if (rows["variant"] == name).any()}


def looks_in(study: DescribedStudy, measured: Mapping[str, pd.DataFrame]) -> list[Look]:
    """The looks of the variants that occur in the rows of some protocols, each once, for a legend.

    Args:
        study: the study that the variants belong to.
        measured: protocol -> its rows.
    """
    looks = {protocol: variant_looks(study, protocol) for protocol in measured}
    shown = (
        looks[protocol][name]
        for name in study.variant_names
        for protocol, rows in measured.items()
        if (rows["variant"] == name).any()
    )
    return [*dict.fromkeys(shown)]


def looks_of(labels: Mapping[str, str]) -> dict[str, Look]:
    """The look of each variant, given its name -> label."""
    return _looks(labels, _VARIANTS)


def built_in_look(variant: str, label: str) -> Look:
    """The look of a built-in variant, with another label."""
    return Look(label, *_VARIANTS[variant])


def layer_looks(layers: Sequence[str]) -> dict[str, Look]:
    """The look of each layer: the body dark to light, the head apart.

    Args:
        layers: from the input to the head.
    """
    others = [layer for layer in layers if layer not in LAYERS]
    colours = sns.color_palette("crest", len(others)).as_hex() if others else []
    free = dict(zip(others, zip(colours, cycle(_FREE_MARKERS), strict=False), strict=True))
    return {layer: Look(layer, *(_LAYERS.get(layer) or free[layer])) for layer in layers}


def dataset_looks(study: DescribedStudy, datasets: Sequence[str]) -> dict[str, Look]:
    """The look of every data set; one that has a role in a paper has that role's look."""
    roles = [role for paper in study.papers for role in paper.facts.datasets]
    fixed = zip(map(study.in_role, dict.fromkeys(roles)), _DATASETS, strict=False)
    return _looks({name: study.dataset_label(name) for name in datasets}, dict(fixed))


def _looks(
    labels: Mapping[str, str], fixed: Mapping[str, tuple[str, str, Dashes]]
) -> dict[str, Look]:
    free = zip(cycle(_FREE_COLOURS), cycle(_FREE_MARKERS), cycle(_FREE_DASHES), strict=False)
    return {
        name: Look(label, *(fixed[name] if name in fixed else next(free)))
        for name, label in labels.items()
    }


def panels(
    rows: int, columns: int, size: tuple[float, float], **keywords: Any
) -> tuple[Figure, list[list[Axes]]]:
    """A figure of equal panels; `size` is that of one panel, in inches."""
    figure = Figure(figsize=(max(size[0] * columns, 3.6), size[1] * rows + 0.6))
    axes = figure.subplots(rows, columns, squeeze=False, **keywords)
    return figure, [list(row) for row in axes]


def chunks(items: Sequence[T], size: int) -> list[list[T]]:
    """Items in rows of equal length, as few as possible and none longer than `size`."""
    count = max(1, math.ceil(len(items) / size))
    length = math.ceil(len(items) / count)
    return [list(items[start : start + length]) for start in range(0, len(items), length)]


def taller(figure: Figure, lines: int, size: float = TITLE) -> None:
    """Make a figure higher by some lines of text, so that its panels keep their size."""
    figure.set_figheight(figure.get_figheight() + lines * 1.3 * size / 72)


def legend_below(figure: Figure, looks: Sequence[Look]) -> None:
    """One legend for the whole figure, under the panels; labels are wrapped to its width."""
    size = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
    handle, gap = (length * size / 72 for length in (HANDLE + 0.8, GAP))
    room = figure.get_figwidth() - 0.3
    labels = [fonts.wrapped(look.label, room - handle - gap, size) for look in looks]
    widest = max(fonts.width_of(line, size) for label in labels for line in label.split("\n"))
    rows = math.ceil(len(looks) / max(1, int(room / (widest + handle + gap))))
    columns = math.ceil(len(looks) / rows)
    taller(figure, sum(_lines(labels[row::rows]) for row in range(rows)) - 2, size)
    legend = figure.legend(
        handles=[Line2D([], [], **look.line()) for look in looks],
        loc="outside lower center",
        ncols=columns,
        handlelength=HANDLE,
        columnspacing=GAP,
    )
    # set afterwards, since matplotlib leaves out an artist whose label begins with _
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
    for line, text, look in zip(legend.legend_handles, legend.get_texts(), looks, strict=True):
        for artist in filter(None, (line, text)):
            artist.set_gid(f"{LEGEND}{look.label}")


def titles_of(figure: Figure, labels: Mapping[K, str], inches: float, rows: int) -> dict[K, str]:
    """Titles of panels, wrapped to a width; the figure becomes higher to make room for them.

    The ways and shots of a task stay on one line, and so do a number and its unit.
    """
    kept = {key: _TOGETHER.sub("\\1\N{NO-BREAK SPACE}", label) for key, label in labels.items()}
    titles = {key: fonts.wrapped(label, inches, TITLE) for key, label in kept.items()}
    taller(figure, rows * (_lines([*titles.values()]) - 1))
    return titles


def titled_panels(
    labels: Mapping[K, str], per_row: int, size: tuple[float, float], inches: float, **keywords: Any
) -> tuple[Figure, list[list[Axes]], dict[K, Axes]]:
    """A figure of equal panels, each under a title, in as few rows as hold them.

    Args:
        labels: key -> title of each panel.
        per_row: the most panels in a row.
        size: size of one panel, in inches.
        inches: width that titles are wrapped to.
        keywords: passed to `panels`, for example `sharey`.

    Returns:
        The figure; its axes by row, the last of which may be empty; and the panel of each key.
    """
    blocks = chunks([*labels], per_row)
    figure, axes = panels(len(blocks), len(blocks[0]), size, **keywords)
    flat = [panel for row in axes for panel in row]
    for panel in flat[len(labels) :]:
        panel.set_axis_off()
    by_label = dict(zip(labels, flat, strict=False))
    for key, title in titles_of(figure, labels, inches, len(blocks)).items():
        by_label[key].set_title(title)
    return figure, axes, by_label


def _lines(labels: Sequence[str]) -> int:
    return 1 + max(label.count("\n") for label in labels)


class Powers(LogFormatterSciNotation):
    """Labels of a logarithmic axis as plain text, 10⁻³, where mathematics is not parsed."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The label of a tick."""
        text = re.sub(r"\$|\\mathdefault", "", super().__call__(x, pos))
        text = re.sub(r"\^\{(.*?)\}", lambda power: power[1].translate(RAISED), text)
        return text.replace(r"\times", "×").strip("{}").replace("-", "−")


def logarithmic(axes: Axes, values: Iterable[float]) -> bool:
    """Make the vertical axis logarithmic; both ways from zero where a value is zero or below.

    Returns:
        Whether it shows zero and below.
    """
    known = np.array([value for value in values if math.isfinite(value)])
    signed = bool((known <= 0).any())
    sizes = np.abs(known[known != 0])
    threshold = 1.0
    if sizes.size:  # values below 1e-4 of the largest count as practically zero
        threshold = 10.0 ** math.floor(math.log10(max(sizes.min(), sizes.max() * 1e-4)))
    if signed:
        axes.set_yscale("symlog", linthresh=threshold, linscale=0.7)
    else:
        axes.set_yscale("log")
    labels = Powers(linthresh=threshold if signed else None)
    axes.yaxis.set_major_formatter(labels)
    axes.yaxis.set_minor_formatter(labels)
    return signed


def say_not_measured(axes: Axes) -> None:
    """Mark a panel of the paper that this study has no measurements for."""
    axes.text(
        0.5,
        0.5,
        "not measured\nin this study",
        transform=axes.transAxes,
        ha="center",
        va="center",
        color="0.45",
        fontsize=8,
    )
