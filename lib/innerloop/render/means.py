"""Means as points: their intervals over tasks, and behind them what single trainings say."""

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
    """A curve of means with intervals over tasks; of several trainings, each of them as well.

    Args:
        axes: to draw in.
        at: where each mean stands, [n].
        curve: rows of `summarise`, with single trainings; NaN where nothing is drawn.
        look: of the curve.
        factor: of the values.
        style: keywords of `Axes.errorbar` that are not the look's.
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
    axes.plot(
        np.repeat(places, [*map(len, single)]), factor * np.concatenate(single), ".",
        color=look.colour, alpha=0.5, ms=3, gid=look.curve,
    )  # fmt: skip


def draw_interval(axes: Axes, segments: ArrayLike, look: Look) -> None:
    """Thin lines, [n, 2, 2], which may be longer than the panel that they are cut off by."""
    lines = LineCollection(
        [*np.asarray(segments)], colors=[look.colour], linewidths=0.5, gid=look.curve, zorder=1
    )
    axes.add_collection(lines, autolim=False)


def trainings_drawn(study: DescribedStudy, summary: pd.DataFrame) -> str:
    """What stands behind the means of a figure, where some are of several trainings."""
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
