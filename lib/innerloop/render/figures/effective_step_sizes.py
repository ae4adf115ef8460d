"""Effective inner step sizes: what the unit-norm weight would see (P1, equations 3 and 5)."""

from __future__ import annotations

import pandas as pd

from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import theme, variant_looks
from innerloop.tables.evidence import Evidence
from innerloop.tables.layers import layers_in_order

PROTOCOL = "p1"
QUANTITIES = {"effective_step_size": "effective step size"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Effective step size against outer iterations, a panel a layer, logarithmic."""
    study = evidence.study
    rows = evidence.trained("weight_norm", PROTOCOL)
    drawable = rows[rows["effective_step_size"] > 0]
    if drawable.empty:
        return not_measured("effective step sizes during training")
    shown = f"{study.dataset_label(study.in_role('mini_imagenet'))} {study.main_setting(PROTOCOL)}"
    figure = curves.layer_panels(drawable, QUANTITIES, variant_looks(study), sharey=True)
    for panel in figure.axes:
        panel.set_yscale("log")
    return Drawing(
        figure,
        captions.join(
            f"Effective inner step size of each layer during training ({shown}; one logarithmic "
            "scale for all layers).",
            "The step that the weight scaled to unit norm would take: α / ‖w‖² for plain gradient "
            "descent under BatchNorm (P1, equation 3), α for scaled LR and unit norm (equations 5 "
            "and 7). The head is not followed by BatchNorm, so its step size is α itself.",
            _hidden(evidence, rows),
            curves.seeds(rows),
            study.stand_ins("mini_imagenet"),
        ),
        f"Line plots of the effective step size against training iterations, one panel a layer, "
        f"one line a method, {shown}, logarithmic.",
    )


def _hidden(evidence: Evidence, rows: pd.DataFrame) -> str:
    """Which curves have points that a logarithmic axis cannot show."""
    hidden = rows[~(rows["effective_step_size"] > 0)]
    if hidden.empty:
        return ""
    layers = hidden.groupby("variant", observed=True)["layer"].agg(layers_in_order)
    curves = [
        f"{evidence.study.label(str(name), PROTOCOL)} {', '.join(found)}"
        for name, found in layers.items()
    ]
    return f"Zero or below at times, and not shown there: {'; '.join(curves)}."
