"""The picture of docs/intervals.md: how often intervals over tasks, or for the method, are right.

    python benchmarks/interval_picture.py docs/pictures/intervals.svg

Simulated studies of a method whose true accuracy is 50 %, each with 600 tasks from 20 classes of
its own. The standard deviations are about those of Meta-SGD in docs/results/compact: 9 points
between classes, 0.7 between trainings, and 1.4 for their interaction.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from innerloop.stats.intervals import mean_interval
from innerloop.stats.t_tests import generalised
from verdict_nulls import Cell

TRUTH, TRAININGS, STUDIES, DRAWN = 50.0, 5, 400, 20
SPREADS = (9.0, 0.7, 1.4)
WIDTH, HEIGHT = 8.0, 3.4


def ends(trainings: int) -> np.ndarray:
    """Ends of each study's interval, [STUDIES, 2]: over tasks for 1 training, or for the method."""
    cell = Cell("normal", 20, 600, trainings, *SPREADS)
    shares = cell.shares()
    values = TRUTH + cell.values(shares, STUDIES, np.random.default_rng(trainings))
    found = [
        mean_interval(one) if trainings == 1 else generalised(one, shares).difference
        for one in values
    ]
    return np.array([(one.low, one.high) for one in found])


def panel(axes: Axes, intervals: np.ndarray, title: str) -> None:
    """Draw the first studies' intervals; those that miss the truth are red."""
    covers = (intervals[:, 0] <= TRUTH) & (intervals[:, 1] >= TRUTH)
    for place, (low, high) in enumerate(intervals[:DRAWN]):
        colour = "tab:blue" if covers[place] else "tab:red"
        axes.plot([place, place], [low, high], color=colour, linewidth=2)
        axes.plot(place, (low + high) / 2, "o", color=colour, markersize=4)
    axes.axhline(TRUTH, color="black", linewidth=1, linestyle="--")
    half = np.median(intervals[:, 1] - intervals[:, 0]) / 2
    axes.set_title(f"{title}: ± {half:.1f} points\n{covers.mean():.0%} of studies cover the truth")
    axes.set_xlabel("study, each on its own 20 classes")
    axes.set_xticks([])


def main(path: Path) -> None:
    """Draw the picture."""
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "intervals", "font.size": 9}
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panel(left, ends(1), "1 training, interval over 600 tasks")
    panel(right, ends(TRAININGS), f"{TRAININGS} trainings, interval for the method")
    left.set_ylabel("accuracy (%)")
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
