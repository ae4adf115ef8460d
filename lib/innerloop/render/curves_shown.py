"""The data behind a figure's curves, for the HTML report: each point's values and its position.

A curve is any artist that has a look's name (`Look.curve`) as its `gid`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator

from innerloop.render.style import CURVE


def name_error_bars(figure: Figure) -> None:
    """Give the whiskers of every named curve its name, so that they are hidden along with it."""
    for bars in _error_bars(figure):
        line, caps, whiskers = bars.lines
        if line is not None and line.get_gid():
            for artist in (*caps, *whiskers):
                artist.set_gid(line.get_gid())


def curves_shown(figure: Figure) -> list[dict[str, Any]]:
    """The named curves of a figure that has been laid out.

    Returns:
        For each curve: its `name`; the titles of its `panel` and of its axes, `along` and `value`;
        and `points`, each [left, top, along, value], or [left, top, along, value, low, high] with
        an interval; the first two are typographical points from the figure's upper left corner.
    """
    bars = {id(bars.lines[0]): bars for bars in _error_bars(figure)}
    caps = {id(cap) for one in bars.values() for cap in one.lines[1]}
    return [
        {
            "name": str(line.get_gid()).removeprefix(CURVE),
            "panel": " ".join((axes.get_title() or axes.get_title("left")).split()),
            **_curve(figure, axes, line, bars.get(id(line))),
        }
        for axes in figure.axes
        for line in axes.lines
        if str(line.get_gid() or "").startswith(CURVE) and id(line) not in caps
    ]


def _error_bars(figure: Figure) -> Iterator[ErrorbarContainer]:
    for axes in figure.axes:
        yield from (bars for bars in axes.containers if isinstance(bars, ErrorbarContainer))


def _curve(
    figure: Figure, axes: Axes, line: Line2D, bars: ErrorbarContainer | None
) -> dict[str, Any]:
    """Axis titles and points of a curve; `along` is the axis of names if there is one, else x."""
    upright = bool(_names(axes.yaxis))
    along, value = ("y", "x") if upright else ("x", "y")
    names = _names(axes.yaxis if upright else axes.xaxis)
    data = np.stack([np.asarray(values, float) for values in line.get_data()], 1)
    data = data[np.isfinite(data).all(1)]
    intervals = _intervals(bars, int(upright)) if bars is not None else {}
    places = figure.transSubfigure.inverted().transform(axes.transData.transform(data))
    size = 72 * np.array([figure.get_figwidth(), figure.get_figheight()])
    points = [
        [
            *(float(f"{place:.1f}") for place in size * (left, 1 - bottom)),
            names.get(round(at), _short(at)),
            *map(_short, (height, *intervals.get(at, ()))),
        ]
        for (at, height), (left, bottom) in zip(
            data[:, :: -1 if upright else 1].tolist(), places.tolist(), strict=True
        )
    ]
    return {"along": _title(axes, along), "value": _title(axes, value), "points": points}


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _intervals(bars: ErrorbarContainer, along: int) -> dict[float, tuple[float, float]]:
    """Position along an axis (0: x, 1: y) -> lower and upper end of the interval there."""
    segments = [np.asarray(one) for whiskers in bars.lines[2] for one in whiskers.get_segments()]
    return {
        float(segment[0, along]): (float(segment[0, 1 - along]), float(segment[1, 1 - along]))
        for segment in segments
        if len(segment) == 2
    }


def _names(axis: Axis) -> dict[int, str]:
    """Position -> tick label, for an axis with names at 0, 1, 2, ...; empty for other axes."""
    ticks = [*axis.get_majorticklocs()]
    if not isinstance(axis.get_major_locator(), FixedLocator) or ticks != [*range(len(ticks))]:
        return {}
    # not the tick labels, which only the lowest panel of a column has
    names = axis.get_major_formatter().format_ticks(ticks)
    return {place: " ".join(name.split()) for place, name in enumerate(names)}


def _title(axes: Axes, along: str) -> str:
    """The title of an axis, which the panels of a column or row may share."""
    span = "colspan" if along == "x" else "rowspan"
    panels = [other for other in axes.figure.axes if other.get_subplotspec() is not None]
    place = axes.get_subplotspec()
    line = [
        other
        for other in panels
        if place is not None and getattr(other.get_subplotspec(), span) == getattr(place, span)
    ]
    titles = (getattr(other, f"get_{along}label")() for other in (axes, *line))
    return next((title for title in titles if title), "")
