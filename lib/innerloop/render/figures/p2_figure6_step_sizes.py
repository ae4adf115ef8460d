"""P2, Figure 6: the distribution of learned inner step sizes in each layer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from innerloop.render import captions, step_sizes
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import layer_look, panels, theme
from innerloop.tables.evidence import Evidence
from innerloop.tables.layers import layers_in_order

PROTOCOL = "p2"
BINS = 60
#: Step sizes beyond these quantiles of all layers are left out of the drawing, not of the numbers.
SHOWN = (0.001, 0.999)


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Histograms of the conv and head weights' step sizes after training, a panel a layer."""
    study = evidence.study
    rows = evidence.trained("step_size_value", PROTOCOL)
    rows = rows[(rows["parameter"] == "weight")]
    if rows.empty:
        return not_measured("values of learned step sizes")
    rows = step_sizes.at_end(rows)
    layers = layers_in_order(rows["layer"])
    variants = [v for v in study.variants(PROTOCOL) if (rows["variant"] == v.name).any()]
    low, high = (float(rows["value"].quantile(share)) for share in SHOWN)
    edges = np.linspace(low, high, BINS)
    width = max(3.2, 5.5 / len(variants))
    figure, axes = panels(len(layers), len(variants), (width, 1.1), sharex=True, sharey=True)
    for column, variant in enumerate(variants):
        axes[-1][column].set_xlabel(f"learned inner step size α, {variant.label}")
        for row, layer in zip(axes, layers, strict=True):
            own = rows[(rows["variant"] == variant.name) & (rows["layer"] == layer)]
            _histogram(row[column], own["value"], layer, edges)
    axes[len(layers) // 2][0].set_ylabel("step sizes (% per bin)")
    seeds = captions.seeds(rows)
    return Drawing(
        figure,
        captions.join(
            "Distribution of the learned inner step sizes of the weights of each layer, after "
            f"{step_sizes.iterations(study, PROTOCOL, rows)} "
            f"({study.dataset_label(study.in_role('mini_imagenet'))} "
            f"{study.main_setting(PROTOCOL)}). Grey line: zero; dashed line: mean of the layer. "
            "Left of the grey line the inner loop climbs the loss instead of descending.",
            f"Values of {seeds} seeds together." if seeds > 1 else "One seed.",
            "Shown are the middle 99.8 %; mean and share are of all values.",
            study.stand_ins("mini_imagenet"),
        ),
        "Histograms of learned step sizes, one row a layer from conv1 to head, with the mean and "
        "the share of negative values of each layer.",
    )


def _histogram(axes: Axes, values: pd.Series[float], layer: str, edges: np.ndarray) -> None:
    look = layer_look(layer)
    sns.histplot(
        x=values, bins=edges, stat="percent", element="step", color=look.colour, alpha=0.45, ax=axes
    )
    axes.axvline(0, color="0.5", lw=0.9, zorder=0)
    axes.axvline(values.mean(), color=look.colour, lw=1.2, ls="--")
    axes.set_ylabel("")
    negative = f"{100 * (values < 0).mean():.0f} % negative"
    numbers = f"mean {values.mean():+.3f}, sd {values.std():.3f}, {negative}"
    axes.set_title(f"{layer}: {numbers.replace('-', '−')}", loc="left", fontsize=8)
