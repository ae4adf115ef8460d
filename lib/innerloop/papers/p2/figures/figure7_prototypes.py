"""P2, Figure 7: nearest-prototype accuracy before adaptation, on the task and off it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.papers.prototypes import changes, changes_by_training
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.means import draw_means, trainings_drawn
from innerloop.render.style import Look, legend_below, looks_shown, panels, theme, variant_looks
from innerloop.stats.intervals import mean_interval
from innerloop.stats.statistics import Statistics
from innerloop.stats.summaries import summarise

TITLE = "Figure 7: prototypes before and after"
FULLER = "Figure 7, every method"
READS = ("protonet",)

PROTOCOL = "p2"

#: The conditions in the order drawn: each after adaptation follows that before, on the same tasks.
CONDITIONS = {
    "pre_adaptation": "on-task,\nbefore",
    "on_task": "on-task,\nafter",
    "pre_adaptation_off_task": "off-task,\nbefore",
    "off_task": "off-task,\nafter",
}
CHANGES = {"on_task": "on-task\n− before", "off_task": "off-task\n− before"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """The four conditions and, beside them, the paired changes, one point per method."""
    study = evidence.study
    rows = evidence.trained("protonet", PROTOCOL)
    rows = rows[rows["split"] == "test"]
    if rows.empty:
        return not_measured("nearest-prototype accuracy of P2's models")
    shown = looks_shown(variant_looks(study, PROTOCOL), rows)
    figure, axes = panels(1, 2, (3.9, 2.8), gridspec_kw={"width_ratios": [4, 2]})
    accuracy, change = axes[0]
    summary = _draw_accuracy(accuracy, rows, shown, study.statistics)
    _draw_changes(change, rows, shown, study.statistics)
    legend_below(figure, [*shown.values()])
    return Drawing(
        figure,
        captions.join(
            "Accuracy of the features alone: query images take the class of the nearest support "
            "image by cosine similarity, without the head "
            f"({study.shown(PROTOCOL)}, test tasks, last checkpoint). Left: before "
            "and after adaptation, on the task adapted to (on-task) and on another (off-task); a "
            "line joins what was measured on the same tasks; the scale does not begin at "
            "zero. Right: the change that adaptation makes, paired on the very same task, in "
            "percentage points; an interval that crosses zero leaves the sign open.",
            captions.over_tasks(study.statistics, summary),
            trainings_drawn(study, summary),
            captions.diverged_tasks(rows, study, PROTOCOL),
            "Only test tasks are drawn; the t-tests' table has every split that was measured.",
            captions.stand_ins(study, rows),
        ),
        "Points with intervals, one per method: left nearest-prototype accuracy before and after "
        "adaptation, on-task and off-task; right the paired changes, on-task and off-task.",
    )


def _draw_accuracy(
    axes: Axes, rows: pd.DataFrame, shown: Mapping[str, Look], statistics: Statistics
) -> pd.DataFrame:
    summary = summarise(rows, ["variant", "condition"], "accuracy", statistics, single=True)
    for offset, (name, look) in _side_by_side(shown):
        own = summary[summary["variant"] == name].set_index("condition").reindex([*CONDITIONS])
        for before in range(0, len(CONDITIONS), 2):
            pair = 100 * own["mean"].iloc[before : before + 2]
            axes.plot(
                np.arange(before, before + 2) + offset,
                pair,
                color=look.colour,
                lw=0.8,
                gid=look.curve,
            )
        _points(axes, offset, own, look)
    axes.set_xticks(range(len(CONDITIONS)), [*CONDITIONS.values()])
    axes.set_ylabel("nearest-prototype accuracy (%)")
    return summary


def _draw_changes(
    axes: Axes, rows: pd.DataFrame, shown: Mapping[str, Look], statistics: Statistics
) -> None:
    for offset, (name, look) in _side_by_side(shown):
        own = rows[rows["variant"] == name]
        changed, by_training = changes(own), changes_by_training(own)
        intervals = [_change(changed[one], by_training[one], statistics) for one in CHANGES]
        _points(axes, offset, pd.DataFrame(intervals), look)
    axes.axhline(0, color="0.4", lw=0.9, zorder=1)
    axes.set_xticks(range(len(CHANGES)), [*CHANGES.values()])
    axes.set_xlim(-0.5, len(CHANGES) - 0.5)
    axes.set_ylabel("paired change (percentage points)")


def _change(
    changed: pd.Series[float], by_training: pd.DataFrame, statistics: Statistics
) -> dict[str, Any]:
    """Mean over tasks with its interval, and single trainings, as from `summarise`."""
    found = mean_interval(changed, statistics.interval, statistics.level)
    trainings = by_training.mean().tolist()
    half = mean_interval(trainings, "t", statistics.level).half_width
    return {**asdict(found), "seed_half_width": half, "trainings": trainings}


def _side_by_side(shown: Mapping[str, Look]) -> list[tuple[float, tuple[str, Look]]]:
    width = 0.12 * (len(shown) - 1)
    offsets = np.linspace(-min(width, 0.35), min(width, 0.35), len(shown))
    return [*zip(offsets.tolist(), shown.items(), strict=True)]


def _points(axes: Axes, offset: float, intervals: pd.DataFrame, look: Look) -> None:
    places = np.arange(len(intervals)) + offset
    draw_means(axes, places, intervals, look, factor=100, linestyle="none", capsize=3)
