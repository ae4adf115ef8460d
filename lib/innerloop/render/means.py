"""Means as points with intervals over tasks, and behind them the single trainings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import ArrayLike, NDArray

from innerloop.measurements.described_study import DescribedStudy
from innerloop.render import captions
from innerloop.render.style import Look


def draw_means(
    axes: Axes, at: ArrayLike, curve: pd.DataFrame, look: Look, *, factor: float = 1, **style: Any
) -> None:
    """Draw means with intervals over tasks; with several trainings, also each of them.

    Args:
        axes: the panel to draw in.
        at: position of each mean, [n].
        curve: rows of `summarise`, with single trainings; NaN where nothing is drawn.
        look: the curve's look.
        factor: multiplies the values.
        style: keywords of `Axes.errorbar` beside those of the look.
    """
    bars = {"elinewidth": 0.9, **look.line(), **style}
    axes.errorbar(at, factor * curve["mean"], yerr=factor * whiskers(curve), **bars)
    several = curve["seed_half_width"].notna().to_numpy()
    if not several.any():
        return
    places, known = np.asarray(at)[several], curve[several]
    mean, half = (factor * known[name].to_numpy() for name in ("mean", "seed_half_width"))
    ends = [np.column_stack([places, end]) for end in (mean - half, mean + half)]
    draw_interval(axes, np.stack(ends, 1), look)
    single = known["trainings"].tolist()
    at_each = np.repeat(places, [*map(len, single)])
    draw_trainings(axes, at_each, factor * np.concatenate(single), look)


def draw_trainings(axes: Axes, x: ArrayLike, y: ArrayLike, look: Look, size: float = 3) -> None:
    """Draw single trainings as small points."""
    axes.plot(x, y, ".", color=look.colour, alpha=0.5, ms=size, gid=look.curve)


def draw_interval(axes: Axes, segments: ArrayLike, look: Look) -> None:
    """Draw thin lines, [n, 2, 2], which do not enlarge the panel: it cuts off what is too long."""
    lines = LineCollection(
        [*np.asarray(segments)], colors=[look.colour], linewidths=0.5, gid=look.curve, zorder=1
    )
    axes.add_collection(lines, autolim=False)


def trainings_drawn(study: DescribedStudy, summary: pd.DataFrame) -> str:
    """A sentence on what is drawn behind the means; empty if all are of single trainings."""
    if not (summary["seeds"] > 1).any():
        return ""
    return (
        "Small points: single trainings; thin lines: "
        f"{captions.percent(study.statistics.level)} intervals over them, for other trainings, "
        "cut off where a panel ends."
    )


def whiskers(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Lengths below and above each mean, [2, n], for `Axes.errorbar`."""
    return np.stack([frame["mean"] - frame["low"], frame["high"] - frame["mean"]])
