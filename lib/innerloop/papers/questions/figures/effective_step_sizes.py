"""Effective inner step sizes: what the unit-norm weight would see (P1, equations 3 and 5)."""

from __future__ import annotations

from innerloop.measurements.evidence import Evidence
from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import logarithmic, theme, variant_looks

TITLE = "Effective step sizes"
READS = ("weight_norm",)

PROTOCOL = "p1"
QUANTITIES = {"effective_step_size": "effective step size"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Effective step size against outer iterations, a panel a layer, logarithmic."""
    study = evidence.study
    # none under a learner without an inner loop
    rows = evidence.trained("weight_norm", PROTOCOL).dropna(subset=["effective_step_size"])
    if rows.empty:
        return not_measured("effective step sizes during training")
    shown = f"{study.dataset_label(study.home(PROTOCOL))} {study.main_setting(PROTOCOL)}"
    figure = curves.layer_panels(rows, QUANTITIES, variant_looks(study), sharey=True)
    signed = [logarithmic(panel, rows["effective_step_size"]) for panel in figure.axes]
    return Drawing(
        figure,
        captions.join(
            f"Effective inner step size of each layer during training ({shown}; one "
            "logarithmic scale for all layers).",
            "The step that the weight scaled to unit norm would take: α / ‖w‖² for plain gradient "
            "descent under BatchNorm (P1, equation 3), α for scaled LR and unit norm (equations 5 "
            "and 7). The head is not followed by BatchNorm, so its step size is α itself.",
            "Of step sizes that are learned for each weight or inner step it is their mean.",
            "The axis is logarithmic both ways from zero, and linear next to it: a layer that does "
            "not adapt lies at zero, and below it the inner loop climbs the loss."
            if any(signed)
            else "",
            curves.seeds(rows),
            captions.stand_ins(study, rows),
        ),
        f"Line plots of the effective step size against training iterations, one panel a layer, "
        f"one line a method, {shown}, logarithmic.",
    )
