"""The table of a user's own probe: every metric of every model and layer."""

from __future__ import annotations

import pandas as pd

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.render import captions
from innerloop.render.tabulation import Tabulation, not_measured, plus_minus_significant
from innerloop.specs.setting import in_full
from innerloop.stats.summaries import summarise

TITLE = "A probe of the study's own"
READS = ()

#: Columns that identify a row -> their headings.
KEYS = {
    "protocol": "Protocol",
    "variant": "Method",
    "train_dataset": "Trained on",
    "setting": "Setting",
    "eval_dataset": "Tested on",
    "split": "Split",
    "checkpoint": "Checkpoint",
    "iteration": "Iteration",
    "steps": "Inner steps",
    "metric": "Metric",
    "layer": "Layer",
}
ALWAYS_SHOWN = ("variant", "metric", "layer")


def tabulate(evidence: Evidence) -> Tabulation:
    """Mean and interval over tasks; constant columns move to the caption.

    Models are in the study's order.
    """
    names = evidence.user_tables
    rows = pd.concat([evidence.rows(name) for name in names]) if names else evidence.rows("user")
    if rows.empty:
        return not_measured("the user's probe", [*KEYS.values(), "Mean"])
    study = evidence.study
    text = [column for column in KEYS if column not in ("iteration", "steps")]
    summary = summarise(rows.astype(dict.fromkeys(text, str)), [*KEYS], "value", study.statistics)
    printed = summary[[*KEYS]].assign(
        variant=[*map(study.label, summary["variant"], summary["protocol"])],
        protocol=[*map(study.protocol_label, summary["protocol"])],
        setting=[*map(in_full, summary["setting"])],
        train_dataset=[study.dataset_label(name) for name in summary["train_dataset"]],
        eval_dataset=[study.dataset_label(name) for name in summary["eval_dataset"]],
        layer=summary["layer"].replace("", "whole network"),
    )
    printed = printed.astype(str).assign(
        Mean=[
            plus_minus_significant(mean, half)
            for mean, half in zip(summary["mean"], summary["half_width"], strict=True)
        ],
        Tasks=[f"{n:,}" for n in summary["n"]],
        Missing=[f"{missing:,}" for missing in summary["missing"]],
    )
    rank = printed["layer"].map(layers_in_order(printed["layer"]).index)
    ranked = printed.assign(rank=rank, place=range(len(printed)))
    first = ranked.groupby([*KEYS][:-1], sort=False)["place"].transform("min")
    trained = [(m.protocol, m.dataset, m.setting, m.variant) for m in study.models]
    places = {model: place for place, model in enumerate(dict.fromkeys(trained))}
    order = summary[["protocol", "train_dataset", "setting", "variant"]].apply(tuple, axis=1)
    ranked = ranked.assign(order=order.map(places), first=first)
    index = ranked.sort_values(["order", "first", "rank"]).index
    values = {column: set(printed[column]) for column in KEYS if column not in ALWAYS_SHOWN}
    constant = [column for column, found in values.items() if len(found) == 1]
    everywhere = ", ".join(f"{KEYS[c].lower()} {printed[c].iloc[0]}" for c in constant)
    return Tabulation(
        summary.loc[index],
        printed.loc[index].drop(columns=constant).rename(columns=KEYS),
        captions.join(
            captions.over_tasks(study.statistics, summary),
            f"In all rows: {everywhere}." if everywhere else "",
            captions.stand_ins(study, rows),
        ),
        title=f"Probe: {', '.join(names)}",
    )
