"""Effective inner step sizes: what the unit-norm weight would see (P1, equations 3 and 5)."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import logarithmic, looks_in, theme, variant_looks

TITLE = "Effective step sizes"
READS = ("weight_norm",)

VALUE = "effective_step_size"


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Effective step size against outer iterations, a panel per layer and protocol, logarithmic."""
    study = evidence.study
    # learners without an inner loop have none
    trained = {
        p: evidence.trained("weight_norm", p).dropna(subset=[VALUE]) for p in study.protocols
    }
    measured = {protocol: rows for protocol, rows in trained.items() if not rows.empty}
    if not measured:
        return not_measured("effective step sizes during training")
    named = "effective step size"
    lines = [
        curves.Line(
            f"{study.protocol_label(protocol)}\n{named}" if len(measured) > 1 else named,
            rows,
            VALUE,
            variant_looks(study, protocol),
        )
        for protocol, rows in measured.items()
    ]
    rows, shown = pd.concat(measured.values()), study.shown(*measured)
    figure = curves.layer_panels(lines, looks_in(study, measured), sharey=True)
    signed = [logarithmic(panel, rows[VALUE]) for panel in figure.axes]
    return Drawing(
        figure,
        captions.join(
            f"Effective inner step size of each layer during training ({shown}; one "
            "logarithmic scale for all layers).",
            "The step that the weight scaled to unit norm would take: α / ‖w‖² for plain gradient "
            "descent under BatchNorm (P1, equation 3), α for scaled LR and unit norm (equations 5 "
            "and 7). The head is not followed by BatchNorm, so its step size is α itself.",
            "Where a step size is learned for each weight or inner step, their mean is shown.",
            "The axis is logarithmic in both directions and linear around zero: a layer that does "
            "not adapt lies at zero, and below zero inner steps are gradient ascent."
            if any(signed)
            else "",
            curves.seeds(rows),
            captions.stand_ins(study, rows),
        ),
        f"Line plots of the effective step size against training iterations, one panel per "
        f"layer, one line per method, {shown}, logarithmic.",
    )
