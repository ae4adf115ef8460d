"""The effect of adaptation step by step: means over tasks, drawn against inner steps."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions
from innerloop.render.means import draw_means, trainings_drawn
from innerloop.render.style import Look
from innerloop.stats.summaries import summarise

#: Columns that identify a task under a model; its steps are compared with its first.
TASK = ["protocol", "variant", "seed", "episode", "quantity", "layer"]
GROUP = ["protocol", "variant", "quantity", "layer", "steps"]


def by_protocol(evidence: Evidence, *quantities: str, changes: bool) -> dict[str, pd.DataFrame]:
    """Means of each protocol's models on their own data set after each inner step.

    Args:
        evidence: the study's measurements.
        quantities: quantities of the table `inner_steps`.
        changes: whether to subtract the value of the same task before adaptation.

    Returns:
        One row per combination of `GROUP`, with the columns of `summarise`; only for protocols
        that have any.
    """
    found = {
        protocol: evidence.trained("inner_steps", protocol) for protocol in evidence.study.protocols
    }
    chosen = {name: rows[rows["quantity"].isin(quantities)] for name, rows in found.items()}
    return {
        name: summarise(
            _less_first(rows) if changes else rows,
            GROUP,
            "value",
            evidence.study.statistics,
            single=True,
        )
        for name, rows in chosen.items()
        if not rows.empty
    }


def _less_first(rows: pd.DataFrame) -> pd.DataFrame:
    first = rows.loc[rows["steps"] == 0, [*TASK, "value"]]
    paired = rows.merge(first, on=TASK, suffixes=("", "_first"), validate="many_to_one")
    return paired.assign(value=paired["value"] - paired["value_first"])


def draw_curves(
    axes: Axes, summary: pd.DataFrame, looks: Mapping[str, Look], factor: float = 1
) -> None:
    """Draw a curve with intervals for each variant against the number of inner steps."""
    for name, look in looks.items():
        curve = summary[summary["variant"] == name].sort_values("steps")
        if not curve.empty:
            draw_means(axes, curve["steps"], curve, look, factor=factor)
    axes.set_xlabel("inner steps")


def method_sentences(evidence: Evidence, every: pd.DataFrame) -> str:
    """Caption sentences on how the values were measured: counts, population, missing values."""
    study = evidence.study
    labels = every.assign(variant=[*map(study.label, every["variant"], every["protocol"])])
    return captions.join(
        "Last checkpoint, the same test tasks after every step;",
        captions.over_tasks(study.statistics, every),
        trainings_drawn(study, every),
        captions.missing_values(
            labels, "quantity", "because adaptation diverged or a layer is constant"
        ),
        captions.stand_ins(study, evidence.rows("inner_steps")),
    )
