"""Share of negative learned step sizes per layer during training ("most become negative")."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.described_study import DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.step_sizes import learned
from innerloop.render import captions, curves
from innerloop.render.drawing import Drawing, not_measured
from innerloop.render.style import DASHED, Look, layer_looks, legend_below, theme, titled_panels

TITLE = "Share of negative step sizes"
READS = ("step_size",)

MODEL = ["protocol", "variant", "train_dataset", "setting"]
PANELS_PER_ROW = 3
ALL_LAYERS = Look("all layers", "0.1", "", DASHED)


@theme()
def draw(evidence: Evidence) -> Drawing:
    """Share of negative step sizes of the weights, a panel per model, a curve per layer."""
    study = evidence.study
    rows = learned(evidence.rows("step_size", parameter="weight"))
    rows = rows.astype(dict.fromkeys(MODEL, str)).assign(percent=100 * rows["share_negative"])
    by_model = dict(iter(rows.groupby(MODEL)))
    known = [
        (model.protocol, model.variant, model.dataset, model.setting) for model in study.models
    ]
    models = [key for key in dict.fromkeys(known) if key in by_model]
    if not models:
        return not_measured("learned step sizes during training")
    titles = {key: _title(study, *key) for key in models}
    figure, axes, by_title = titled_panels(titles, PANELS_PER_ROW, (2.5, 2.1), 2.1, sharey=True)
    looks = layer_looks(layers_in_order(rows["layer"]))
    for row in axes:
        row[0].set_ylabel("share of negative\nstep sizes (%)")
    for key, panel in by_title.items():
        own = by_model[key]
        for order, (layer, look) in enumerate(looks.items()):
            one = own[own["layer"] == layer]
            curves.draw_seeds(panel, one, "percent", look, order=order)
        curves.draw_seeds(panel, _over_layers(own), "percent", ALL_LAYERS)
        panel.axhline(50, color="0.6", lw=0.8, zorder=0)
        panel.set_ylim(-3, 103)
        panel.set_xlabel("outer iteration")
        curves.iteration_axis(panel)
    legend_below(figure, [*looks.values(), ALL_LAYERS])
    return Drawing(
        figure,
        captions.join(
            "Share of learned inner step sizes below zero, per layer and over all weights, during "
            "training. Above the grey line most are negative, as P2 reports for the end of "
            "training. Step sizes of conv and head weights; biases, γ and β are left out.",
            curves.seeds(rows),
            captions.stand_ins(study, rows),
        ),
        "Line plots of the percentage of negative step sizes against training iterations, one "
        "panel per model, one line per layer and a dashed line for all weights.",
    )


def _title(study: DescribedStudy, protocol: str, variant: str, dataset: str, setting: str) -> str:
    named = f"{study.label(variant, protocol)} ({study.protocol_label(protocol)})"
    return f"{named}, {study.place(dataset, setting)}"


def _over_layers(rows: pd.DataFrame) -> pd.DataFrame:
    counted = rows.assign(negative=rows["share_negative"] * rows["count"])
    sums = counted.groupby(["seed", "iteration"])[["negative", "count"]].sum().reset_index()
    return sums.assign(percent=100 * sums["negative"] / sums["count"])
