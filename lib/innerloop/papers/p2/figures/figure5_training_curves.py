"""P2, Figure 5: accuracy on training and validation tasks during training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import norm

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.curves import iteration_axis
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import (
    Look,
    legend_below,
    looks_shown,
    panels,
    say_not_measured,
    theme,
    variant_looks,
)

TITLE = "Figure 5: training curves"
FULLER = "Figure 5, every method"
READS = ("training",)

PROTOCOL = "p2"
SPLITS = {"train": "training tasks", "val": "validation tasks"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Query accuracy after adaptation against outer iterations, a panel a split."""
    study = evidence.study
    rows = evidence.trained("training", PROTOCOL)
    if rows.empty:
        return not_measured("training curves of P2's models")
    # the log has only the tasks' standard deviation, so their interval is the normal one
    statistics = replace(study.statistics, interval="normal")
    shown = looks_shown(variant_looks(study, PROTOCOL), rows)
    figure, axes = panels(1, 2, (3.6, 2.6), sharey=True)
    axes[0][0].set_ylabel("accuracy (%)")
    for panel, (split, title) in zip(axes[0], SPLITS.items(), strict=True):
        panel.set_title(title)
        panel.set_xlabel("outer iteration")
        measured = rows[rows["split"] == split]
        if measured.empty:
            say_not_measured(panel)
        for name, look in shown.items():
            _curve(panel, measured[measured["variant"] == name], look, statistics.level)
        iteration_axis(panel)
    legend_below(figure, [*shown.values()])
    tasks = {split: captions.span(rows.loc[rows["split"] == split, "tasks"]) for split in SPLITS}
    return Drawing(
        figure,
        captions.join(
            f"Query accuracy after adaptation while the models are trained "
            f"({study.shown(PROTOCOL)}). A training point averages the {tasks['train']} "
            f"tasks since the point before, a validation point {tasks['val']} fixed tasks; bands "
            f"are {captions.interval(statistics, 'these tasks')}.",
            captions.seeds(rows, "Mean of {} seeds, the bands of one seed."),
            captions.stand_ins(study, rows),
        ),
        "Line plots of accuracy against training iterations, left on training tasks, right on "
        "validation tasks, one line per method.",
    )


def _curve(axes: Axes, rows: pd.DataFrame, look: Look, level: float) -> None:
    quantile = norm.ppf((1 + level) / 2)
    half = quantile * rows["accuracy_sd"] / np.sqrt(rows["tasks"])
    curve = rows.assign(half=half).groupby("iteration")[["accuracy", "half"]].mean() * 100
    axes.plot(curve.index, curve["accuracy"], markevery=max(1, len(curve) // 8), **look.line())
    axes.fill_between(
        curve.index,
        curve["accuracy"] - curve["half"],
        curve["accuracy"] + curve["half"],
        color=look.colour,
        alpha=0.18,
        lw=0,
        gid=look.curve,
    )
