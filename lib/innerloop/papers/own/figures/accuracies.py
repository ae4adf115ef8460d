"""Test accuracy of every variant, side by side where they can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.selection import CHECKPOINTS, one_checkpoint
from innerloop.render import captions
from innerloop.render.accuracy import GROUP, accuracies
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.means import draw_interval, draw_trainings, whiskers
from innerloop.render.style import Look, theme, titled_panels, variant_looks
from innerloop.specs.setting import setting_label

TITLE = "Accuracy of every variant"
READS = ("accuracy",)

#: Columns that identify a panel, whose models are tested on the data set they were trained on.
PLACE = ["protocol", "train_dataset", "way", "shot"]
PANELS_PER_ROW = 3
#: Height of a variant's row, and of the space above and below the rows.
ROW, REST = 0.2, 0.75


@theme()
def draw(evidence: Evidence) -> Drawing:
    """One row per variant: its mean with both intervals, and the mean of every seed."""
    study = evidence.study
    summary = accuracies(evidence, split="test", protocol=[*study.protocols])
    summary = summary.astype({"variant": str, "protocol": str})
    summary = summary[summary["train_dataset"].astype(str) == summary["eval_dataset"].astype(str)]
    if summary.empty:
        return not_measured("accuracy on test tasks of the data set that models are trained on")
    by_place = dict(iter(summary.groupby(PLACE, sort=False, observed=True)))
    most = max(len(rows) for rows in by_place.values())
    titles = {place: _title(study, place) for place in by_place}
    figure, _, by_title = titled_panels(titles, PANELS_PER_ROW, (2.9, REST + ROW * most), 2.0)
    seeds = _seeds(evidence)
    for place, panel in by_title.items():
        _rows(panel, by_place[place], variant_looks(study, str(place[0])), seeds)
    return Drawing(
        figure,
        captions.join(
            "Accuracy on test tasks of the data set that each model was trained on. Points: "
            "means; bars:",
            captions.over_tasks(study.statistics, summary[~summary["baseline"]]),
            "Small points: single seeds; thin lines: intervals for the method, as in the table of "
            "accuracies, cut off where the panel ends."
            if (summary["seeds"] > 1).any()
            else "",
            captions.stand_ins(study, summary),
        ),
        "Points with intervals: test accuracy, one row per variant, one panel per protocol, data "
        "set and setting.",
    )


def _seeds(evidence: Evidence) -> pd.DataFrame:
    """Mean accuracy of each model, in percent."""
    rows = evidence.rows("accuracy", split="test", checkpoint=CHECKPOINTS)
    rows = one_checkpoint(rows, GROUP).astype({"variant": str})
    keys = [*GROUP, "seed"]
    means = rows.groupby(keys, observed=True)["accuracy"].mean().mul(100)
    return means.reset_index()


def _rows(
    axes: Axes, summary: pd.DataFrame, looks: Mapping[str, Look], seeds: pd.DataFrame
) -> None:
    names = [*summary["variant"]]
    for height, name in enumerate(names):
        own, look = summary[summary["variant"] == name], looks[name]
        points = seeds.merge(own[GROUP].astype({"variant": str}), on=GROUP)["accuracy"]
        if len(points) > 1:
            draw_trainings(axes, points, [height] * len(points), look)
            mean, half = own["mean"].item(), own["method_half_width"].item()
            draw_interval(axes, [[(mean - half, height), (mean + half, height)]], look)
        axes.errorbar(
            own["mean"],
            [height],
            xerr=whiskers(own),
            color=look.colour,
            marker=look.marker,
            capsize=2,
            gid=look.curve,
        )
    axes.set_yticks(range(len(names)), [looks[name].label for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x")
    axes.set_xlabel("test accuracy (%)")


def _title(study: DescribedStudy, place: tuple[Any, ...]) -> str:
    protocol, dataset, way, shot = place
    said = [study.dataset_label(dataset), setting_label(way, shot)]
    return ", ".join([study.protocol_label(protocol), *said] if len(study.protocols) > 1 else said)
