"""Is the network scale invariant in each layer? The premise of P1 (equations 1, 2 and 10)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.render import captions
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import (
    Look,
    legend_below,
    logarithmic,
    looks_in,
    looks_shown,
    panels,
    theme,
    variant_looks,
)

TITLE = "Scale invariance, layer by layer"
READS = ("scale_invariance",)

#: Exact zeros, which a logarithmic axis cannot show, are drawn here.
FLOOR = 1e-9

QUANTITIES = {
    "output_change": "relative change of the logits",
    "gradient_cosine": "|cosine| of weight and gradient",
}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Change of the logits and angle of the gradient, per layer, one point per method."""
    study = evidence.study
    trained = {name: evidence.trained("scale_invariance", name) for name in study.protocols}
    measured = {name: rows for name, rows in trained.items() if not rows.empty}
    if not measured:
        return not_measured("scale invariance")
    figure, axes = panels(len(measured), 2, (3.6, 2.6))
    for row, (protocol, rows) in zip(axes, measured.items(), strict=True):
        shown = looks_shown(variant_looks(study, protocol), rows)
        for panel, (quantity, title) in zip(row, QUANTITIES.items(), strict=True):
            _draw(panel, rows, quantity, shown)
            panel.set_ylabel(title)
            panel.set_title(study.protocol_title(protocol) if len(measured) > 1 else "")
    legend_below(figure, looks_in(study, measured))
    rows = pd.concat(measured.values())
    scales = ", ".join(f"{scale:g}" for scale in sorted(rows["scale"].unique()))
    return Drawing(
        figure,
        captions.join(
            "Left: how much the logits change when a layer's weights are multiplied by "
            f"{scales} (the largest change is shown); right: the cosine between a layer's weights "
            "and their gradient. A layer followed by BatchNorm should be scale invariant: both "
            "values at the level of rounding and of BatchNorm's ε. The head is not.",
            f"Logarithmic; smaller values are drawn at {FLOOR:g}.",
            captions.seeds(rows, "Largest of {} seeds."),
            captions.stand_ins(study, rows),
        ),
        "Points per layer on logarithmic scales: left the relative change of the logits under "
        "scaling of the weights, right the cosine between weights and gradient.",
    )


def _draw(axes: Axes, rows: pd.DataFrame, quantity: str, shown: Mapping[str, Look]) -> None:
    layers = layers_in_order(rows["layer"])
    offsets = np.linspace(-0.3, 0.3, len(shown)) if len(shown) > 1 else [0.0]
    for offset, (name, look) in zip(offsets, shown.items(), strict=True):
        own = rows[rows["variant"] == name].assign(size=lambda frame: frame[quantity].abs())
        largest = own.groupby("layer", observed=True)["size"].max().reindex(layers)
        axes.plot(
            np.arange(len(layers)) + offset,
            largest.clip(lower=FLOOR),
            color=look.colour,
            marker=look.marker,
            ls="none",
            gid=look.curve,
        )
    logarithmic(axes, [FLOOR])
    axes.set_xticks(range(len(layers)), layers)
