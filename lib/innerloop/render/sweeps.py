"""Pictures of a sweep: a curve over one swept choice, a heat map over two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from innerloop.render.means import draw_trainings, whiskers
from innerloop.render.style import KEPT, Look
from innerloop.render.tabulation import number


def draw_line(
    axes: Axes, rows: pd.DataFrame, values: Sequence[str], look: Look, shift: float = 0.0
) -> None:
    """Draw means with their intervals over the values of one choice, and single seeds as dots.

    Args:
        axes: the panel; values are equally spaced, in the order of `values`.
        rows: one row per point, with `value` as text, `mean`, `low`, `high` and `by_seed`.
        values: values of the choice, in their order.
        look: the curve's look.
        shift: horizontal offset, so that intervals of several curves can be told apart.
    """
    places = np.array([values.index(value) for value in rows["value"]], float) + shift
    order = np.argsort(places)
    drawn = rows.iloc[order]
    axes.errorbar(places[order], drawn["mean"], yerr=whiskers(drawn), lw=1.0, **look.line())
    for place, seeds in zip(places[order], drawn["by_seed"], strict=True):
        if len(seeds) > 1:
            draw_trainings(axes, [place] * len(seeds), seeds, look, size=2.5)
    axes.set_xticks(range(len(values)), values)


def draw_heat_map(
    axes: Axes,
    rows: pd.DataFrame,
    across: Sequence[str],
    down: Sequence[str],
    span: tuple[float, float],
) -> AxesImage:
    """Draw means over the values of two choices as colours, each mean also written in its cell.

    Args:
        axes: the panel.
        rows: one row per point, with `across` and `down` as text, and `mean`.
        across: values of the choice along the horizontal axis, in their order.
        down: values of the other.
        span: the lowest and the highest mean of the colour scale.
    """
    grid = np.full((len(down), len(across)), np.nan)
    for row in rows.itertuples():
        grid[down.index(row.down), across.index(row.across)] = row.mean
    image = axes.imshow(grid, cmap="cividis", vmin=span[0], vmax=span[1], aspect="auto")
    middle = (span[0] + span[1]) / 2
    for (y, x), value in np.ndenumerate(grid):
        colour = "black" if value > middle else "white"
        axes.text(
            x, y, number(value, 1), ha="center", va="center", color=colour, fontsize=8, gid=KEPT
        )
    axes.set_xticks(range(len(across)), across)
    axes.set_yticks(range(len(down)), down)
    axes.grid(visible=False)
    return image
