"""By which part of the outer steps each layer's weight norm grows."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.render import captions
from innerloop.render.tabulation import Tabulation, not_measured, number, rules_between

TITLE = "Growth of weight norms, along and across"
READS = ("outer_step",)

PROTOCOL = "p1"
#: Printed column -> quantity, its factor, and digits.
SHOWN = {
    "Cosine": ("gradient_cosine", 1, 3),
    "Along (% in 100 steps)": ("radial_growth", 1e4, 2),
    "Across (% in 100 steps)": ("tangential_growth", 1e4, 2),
}
HEADER = ["Method", "Layer", *SHOWN, "Steps"]


def tabulate(evidence: Evidence) -> Tabulation:
    """Mean over the logged outer steps of P1's models, a row per method and layer."""
    study = evidence.study
    rows = evidence.trained("outer_step", PROTOCOL)
    if rows.empty:
        return not_measured("outer steps of P1's models", HEADER)
    keys = ["variant", "layer"]
    quantities = [name for name, _, _ in SHOWN.values()]
    rows = rows.astype(dict.fromkeys(keys, str))
    grouped = rows.groupby(keys, sort=False)
    order = [
        (v, layer) for v in rows["variant"].unique() for layer in layers_in_order(rows["layer"])
    ]
    numbers = grouped[quantities].mean().join(grouped.size().rename("steps"))
    numbers = numbers.reindex([key for key in order if key in numbers.index]).reset_index()
    cells = {
        title: [number(factor * value, digits, sign=True) for value in numbers[name]]
        for title, (name, factor, digits) in SHOWN.items()
    }
    printed = pd.DataFrame(
        {
            "Method": [study.label(name, PROTOCOL) for name in numbers["variant"]],
            "Layer": numbers["layer"],
            **cells,
            "Steps": [f"{steps:,}" for steps in numbers["steps"]],
        }
    )
    return Tabulation(
        numbers,
        printed,
        captions.join(
            f"Single outer steps during training ({study.shown(PROTOCOL)}): cosine of a layer's "
            "weight and its outer gradient, and how much the squared norm of the weight grew "
            "through the part of Adam's step along the weight and through the part across it. "
            "Under plain gradient descent, a weight whose scale does not matter would have a "
            "cosine of 0 and grow only through the part across (P1, equation 11); where a layer "
            "adapts with a fixed step size, its scale does matter to the outer loss. Means over "
            "the steps at which training was logged, before unit norm's projection.",
            captions.seeds(rows, "Mean of {} seeds."),
            captions.stand_ins(study, rows),
        ),
        rules_between(numbers["variant"]),
    )
