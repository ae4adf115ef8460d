"""Curves over training: the axis of outer iterations, and means over seeds along it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from innerloop.measurements.layers import layers_in_order
from innerloop.render import captions
from innerloop.render.style import Look, legend_below, panels


def compact(number: float, _position: int | None = None) -> str:
    """60000 -> 60k."""
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
    axes.set_xticks(sorted({0, later[0], later[len(later) // 2], later[-1]}))
    axes.xaxis.set_major_formatter(FuncFormatter(compact))
    axes.xaxis.set_minor_locator(NullLocator())


def draw_seeds(axes: Axes, rows: pd.DataFrame, value: str, look: Look, *, order: int = 0) -> None:
    """The mean of `value` over seeds against iterations; each seed thin behind it, if several.

    Markers of curves of different `order` stand at different iterations, so that curves that
    coincide can still be told apart.
    """
    mean = rows.groupby("iteration", observed=True)[value].mean()
    if captions.seeds(rows) > 1:
        for _, seed in rows.sort_values("iteration").groupby("seed"):
            axes.plot(seed["iteration"], seed[value], color=look.colour, lw=0.5, alpha=0.5)
    every = max(1, len(mean) // 4)
    axes.plot(mean.index, mean, markevery=(order % every, every), **look.line())


def layer_panels(
    rows: pd.DataFrame, quantities: Mapping[str, str], looks: Mapping[str, Look], **keywords: Any
) -> Figure:
    """A column a layer, a row a quantity, a curve a variant, against outer iterations.

    Args:
        rows: one row a variant, seed, iteration and layer.
        quantities: column of `rows` -> label of its axis.
        looks: the look of every variant.
        keywords: go to `panels`, for example `sharey`.
    """
    layers = layers_in_order(rows["layer"])
    figure, axes = panels(len(quantities), len(layers), (1.75, 1.9), sharex=True, **keywords)
    shown = [name for name in looks if (rows["variant"] == name).any()]
    for row, (quantity, label) in zip(axes, quantities.items(), strict=True):
        row[0].set_ylabel(label)
        for panel, layer in zip(row, layers, strict=True):
            for order, name in enumerate(shown):
                own = rows[(rows["variant"] == name) & (rows["layer"] == layer)]
                draw_seeds(panel, own, quantity, looks[name], order=order)
            iteration_axis(panel)
    for panel, layer in zip(axes[0], layers, strict=True):
        panel.set_title(layer)
    for panel in axes[-1]:
        panel.set_xlabel("outer iteration")
    legend_below(figure, [looks[name] for name in shown])
    return figure


def seeds(rows: pd.DataFrame) -> str:
    """How many seeds the curves show."""
    number = captions.seeds(rows)
    return "One seed." if number == 1 else f"Mean of {number} seeds; thin lines: single seeds."
