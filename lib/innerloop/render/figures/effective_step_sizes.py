"""Effective inner step sizes: what the unit-norm weight would see (P1, equations 3 and 5)."""

from __future__ import annotations

from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.evidence import Evidence
from innerloop.render.style import theme, variant_looks

PROTOCOL = "p1"
QUANTITIES = {"effective_step_size": "effective step size"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Effective step size against outer iterations, a panel a layer, logarithmic."""
    study = evidence.study
    rows = curves.trained_models(evidence, "weight_norm", PROTOCOL)
    drawable = rows[rows["effective_step_size"] > 0]
    if drawable.empty:
        return not_measured("effective step sizes during training")
    hidden = len(rows) - len(drawable)
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
            "and 7). The head is not followed by BatchNorm, so its step size is α itself. A layer "
            "that the inner loop leaves alone has none.",
            f"{hidden} values at or below zero are not shown." if hidden else "",
            curves.seeds(rows),
            study.stand_ins("mini_imagenet"),
        ),
        f"Line plots of the effective step size against training iterations, one panel a layer, "
        f"one line a method, {shown}, logarithmic.",
    )
