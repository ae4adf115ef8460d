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
    panels,
    theme,
    variant_looks,
)

TITLE = "Scale invariance, layer by layer"
READS = ("scale_invariance",)

PROTOCOL = "p1"
#: Exact zeros have no place on a logarithmic axis; they are drawn here.
FLOOR = 1e-9

QUANTITIES = {
    "output_change": "relative change of the logits",
    "gradient_cosine": "|cosine| of weight and gradient",
}


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Change of the logits and angle of the gradient, per layer, one point a method."""
    study = evidence.study
    rows = evidence.trained("scale_invariance", PROTOCOL)
    if rows.empty:
        return not_measured("scale invariance of P1's models")
    looks = variant_looks(study)
    shown = {name: looks[name] for name in looks if (rows["variant"] == name).any()}
    figure, axes = panels(1, 2, (3.6, 2.6))
    for panel, (quantity, title) in zip(axes[0], QUANTITIES.items(), strict=True):
        _draw(panel, rows, quantity, shown)
        panel.set_ylabel(title)
    legend_below(figure, [*shown.values()])
    scales = ", ".join(f"{scale:g}" for scale in sorted(rows["scale"].unique()))
    seeds = captions.seeds(rows)
    return Drawing(
        figure,
        captions.join(
            "Left: how much the logits change when a layer's weights are multiplied by "
            f"{scales} (the largest change is shown); right: the cosine between a layer's weights "
            "and their gradient. A layer followed by BatchNorm should be scale invariant: both "
            "values at the level of rounding and of BatchNorm's ε. The head is not.",
            f"Logarithmic; values below {FLOOR:g} are drawn there.",
            f"Largest of {seeds} seeds." if seeds > 1 else "One seed.",
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
        )
    logarithmic(axes, [FLOOR])
    axes.set_xticks(range(len(layers)), layers)
