"""Where does adaptation help or hurt? Accuracy and prototypes after each inner step (P2)."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.papers.questions import inner_steps
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import legend_below, looks_in, panels, theme, variant_looks

TITLE = "Accuracy and prototypes, step by step"
READS = ("inner_steps",)

PANELS = {
    "accuracy": "whole network",
    "on_task": "prototypes, on-task",
    "off_task": "prototypes, off-task",
}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Change against inner steps: a row for each protocol, a curve for each method."""
    study = evidence.study
    measured = inner_steps.by_protocol(evidence, *PANELS, changes=True)
    if not measured:
        return not_measured("accuracy after each inner step")
    figure, axes = panels(len(measured), len(PANELS), (2.5, 2.2), sharex="row")
    for row, (protocol, summary) in zip(axes, measured.items(), strict=True):
        named = f"{study.protocol_label(protocol)}\n" if len(measured) > 1 else ""
        row[0].set_ylabel(f"{named}points")
        for panel, (quantity, title) in zip(row, PANELS.items(), strict=True):
            panel.axhline(0, color="0.6", linewidth=0.8, zorder=0)
            rows = summary[summary["quantity"] == quantity]
            inner_steps.draw_curves(panel, rows, variant_looks(study, protocol), 100)
            panel.set_title(title if row is axes[0] else "")
    legend_below(figure, looks_in(study, measured))
    return Drawing(
        figure,
        captions.join(
            "Change of accuracy after each inner step, in percentage points, paired with the same "
            f"task before adaptation ({study.shown(*measured)}). Left: with the head. Middle and "
            "right: without it, query images taking the class with the nearest mean of features, "
            "on the task adapted to and on another. Scales differ. Where on-task prototypes fall "
            "while the whole network rises, the head gains what the features lose.",
            inner_steps.method_sentences(evidence, pd.concat(measured.values())),
        ),
        "Three line plots against inner steps: change in points of accuracy with the head, of "
        "prototypes on-task and of prototypes off-task; one line per method.",
    )
