"""Curves over training: the axis of outer iterations, and means over seeds along it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from innerloop.measurements.layers import layers_in_order
from innerloop.render import captions
from innerloop.render.style import Look, legend_below, looks_shown, panels


def compact(number: float, _position: int | None = None) -> str:
    """A number in short, such as 60k for 60000."""
    return f"{number / 1000:g}k" if abs(number) >= 1000 else f"{number:g}"


def iteration_axis(axes: Axes) -> None:
    """A linear axis of outer iterations."""
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(compact))


def checkpoint_axis(axes: Axes, iterations: Iterable[int]) -> None:
    """An axis of checkpoints, logarithmic after the first one past the start."""
    later = sorted({iteration for iteration in iterations if iteration > 0})
    if not later:
        return
    axes.set_xscale("symlog", linthresh=later[0], linscale=0.5)
    # halfway between the ends, so that no two labels touch
    middle = min(later, key=lambda iteration: abs(iteration**2 / (later[0] * later[-1]) - 1))
    axes.set_xticks(sorted({0, later[0], middle, later[-1]}))
    axes.xaxis.set_major_formatter(FuncFormatter(compact))
    axes.xaxis.set_minor_locator(NullLocator())


def draw_seeds(axes: Axes, rows: pd.DataFrame, value: str, look: Look, *, order: int = 0) -> None:
    """Draw the mean of `value` over seeds against iterations, and behind it each of several seeds.

    Curves of different `order` have their markers at different iterations, so that curves that
    coincide can still be told apart.
    """
    mean = rows.groupby("iteration", observed=True)[value].mean()
    if len(rows["seed"].unique()) > 1:
        for _, seed in rows.sort_values("iteration").groupby("seed"):
            axes.plot(
                seed["iteration"], seed[value], color=look.colour, lw=0.5, alpha=0.5, gid=look.curve
            )
    every = max(1, len(mean) // 4)
    axes.plot(mean.index, mean, markevery=(order % every, every), **look.line())


@dataclass(frozen=True)
class Line:
    """What one row of panels shows, with a panel per layer.

    Attributes:
        label: label of the vertical axis.
        rows: one row per variant, seed, iteration and layer.
        value: the column of `rows` to draw.
        looks: the look of every variant.
    """

    label: str
    rows: pd.DataFrame
    value: str
    looks: Mapping[str, Look]


def layer_panels(lines: Sequence[Line], legend: Sequence[Look], **keywords: Any) -> Figure:
    """Curves over outer iterations: a column of panels per layer, a row per line.

    Args:
        lines: the rows of panels, from top to bottom; each has a curve per variant.
        legend: the looks shown in the legend.
        keywords: passed to `panels`, for example `sharey`.
    """
    layers = layers_in_order(layer for line in lines for layer in line.rows["layer"].unique())
    figure, axes = panels(len(lines), len(layers), (1.75, 1.9), sharex=True, **keywords)
    for row, line in zip(axes, lines, strict=True):
        row[0].set_ylabel(line.label)
        shown = looks_shown(line.looks, line.rows)
        for panel, layer in zip(row, layers, strict=True):
            for order, (name, look) in enumerate(shown.items()):
                own = line.rows[(line.rows["variant"] == name) & (line.rows["layer"] == layer)]
                draw_seeds(panel, own, line.value, look, order=order)
            iteration_axis(panel)
    for panel, layer in zip(axes[0], layers, strict=True):
        panel.set_title(layer)
    for panel in axes[-1]:
        panel.set_xlabel("outer iteration")
    legend_below(figure, legend)
    return figure


def seeds(rows: pd.DataFrame) -> str:
    """A sentence on how many seeds each curve shows."""
    return captions.seeds(rows, "Mean of {} seeds; thin lines: single seeds.")
