"""How each layer changes with each inner step: its CKA, and how far its weights turn."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.papers.questions import inner_steps
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import legend_below, looks_in, panels, theme, variant_looks

TITLE = "Layers, step by step"
READS = ("inner_steps",)

ROWS = {"cka": "debiased CKA", "turn": "turn (radians)"}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """CKA and turn against inner steps: a column for each layer, two rows for each protocol."""
    study = evidence.study
    measured = inner_steps.by_protocol(evidence, *ROWS, changes=False)
    if not measured:
        return not_measured("layers after each inner step")
    every = pd.concat(measured.values())
    layers = layers_in_order(every["layer"].astype(str))
    places = [(protocol, quantity) for protocol in measured for quantity in ROWS]
    figure, axes = panels(len(places), len(layers), (1.6, 1.55), sharex="row", sharey="row")
    for row, (protocol, quantity) in zip(axes, places, strict=True):
        named = f"{study.protocol_label(protocol)}\n" if len(measured) > 1 else ""
        row[0].set_ylabel(f"{named}{ROWS[quantity]}")
        of_row = measured[protocol][measured[protocol]["quantity"] == quantity]
        if quantity == "turn":  # undefined before the first step
            of_row = of_row[of_row["steps"] > 0]
        for panel, layer in zip(row, layers, strict=True):
            rows = of_row[of_row["layer"] == layer]
            inner_steps.draw_curves(panel, rows, variant_looks(study, protocol))
            panel.set_title(layer if row is axes[0] else "")
    legend_below(figure, looks_in(study, measured))
    return Drawing(
        figure,
        captions.join(
            f"Each layer after each inner step ({study.shown(*measured)}). Above: CKA between the "
            "layer's output and that before adaptation (1: unchanged). Below: the angle by which "
            "the step turned the layer's weights. For a layer that BatchNorm follows, only the "
            "direction of the weights matters; P1's effective step size (equation 3) approximates "
            "this angle to first order.",
            inner_steps.method_sentences(evidence, every),
        ),
        "Line plots against inner steps, a column per layer: debiased CKA with before adaptation, "
        "and the angle that the weights turned in the step; one line per method.",
    )
