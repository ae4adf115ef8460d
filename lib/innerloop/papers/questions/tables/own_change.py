"""How much of each layer's change is its own, and how much comes with its input."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.render import captions
from innerloop.render.tabulation import (
    MODEL_COLUMNS,
    Tabulation,
    models_shown,
    not_measured,
    plus_minus,
    rules_between,
)
from innerloop.stats.summaries import summarise

TITLE = "Own and inherited change"
READS = ("own_change", "cka")

#: Printed column -> what was measured: the probe `cka`, or a change of `own_change`.
CHANGES = {"CKA": "total", "Own": "own", "Inherited": "inherited"}
KEYS = [*MODEL_COLUMNS, "iteration", "layer"]


def tabulate(evidence: Evidence) -> Tabulation:
    """Debiased CKA of each layer: as it is, by its own change alone, and by all but that."""
    study = evidence.study
    equal = {"checkpoint": "last", "estimator": "debiased"}
    rows = evidence.rows("own_change", **equal)
    if rows.empty:
        header = [*MODEL_COLUMNS.values(), "Layer", *CHANGES, "Tasks"]
        return not_measured("layers' own changes", header)
    text = dict.fromkeys([*set(KEYS) - {"steps", "iteration"}, "change"], str)
    total = evidence.rows("cka", **equal).assign(change="total")
    summary = summarise(
        pd.concat([rows.astype(text), total.astype(text)]), [*KEYS, "change"], "similarity",
        study.statistics,
    )  # fmt: skip
    by_change = summary.set_index(KEYS).groupby("change")
    own = by_change.get_group("own").reset_index()
    ranked = own.assign(
        model=own.groupby([*MODEL_COLUMNS], sort=False).ngroup(),
        place=own["layer"].map(layers_in_order(own["layer"]).index),
    ).sort_values(["model", "place"])
    models, everywhere = models_shown(ranked, study)
    where = pd.MultiIndex.from_frame(ranked[KEYS])
    cells = {
        title: [
            plus_minus(mean, half, 3)
            for mean, half in by_change.get_group(change)
            .reindex(where)[["mean", "half_width"]]
            .itertuples(index=False, name=None)
        ]
        for title, change in CHANGES.items()
        if change in by_change.groups
    }
    printed = models.assign(Layer=ranked["layer"], **cells, Tasks=[f"{n:,}" for n in ranked["n"]])
    kept = summary[summary.set_index(KEYS).index.isin(where)]
    labels = kept.assign(variant=[*map(study.label, kept["variant"], kept["protocol"])])
    return Tabulation(
        kept,
        printed,
        captions.join(
            "Debiased linear CKA between each layer's output before and after adaptation (1: "
            "unchanged). CKA: all weights adapted. Own: only this layer's weights adapted, its "
            "input as before. Inherited: all weights but this layer's adapted. The output of the "
            "head is the logits, so its CKA inherits whatever happens in the body.",
            everywhere,
            captions.over_tasks(study.statistics, kept),
            captions.missing_values(labels, "layer", "because a layer is constant"),
            captions.stand_ins(study, kept),
        ),
        rules_between(ranked["model"]),
    )
