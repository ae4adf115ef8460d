"""The table of a probe that no figure or table shows: every metric of every model and layer."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.schemas import ALLOWED, KEYS, schema_of
from innerloop.render import captions
from innerloop.render.tabulation import Tabulation, not_measured, plus_minus_significant
from innerloop.specs.setting import in_full
from innerloop.stats.summaries import summarise

TITLE = "A probe's measurements"
READS = ()

#: Columns that identify a row -> their headings.
HEADINGS = {
    "protocol": "Protocol",
    "variant": "Method",
    "train_dataset": "Trained on",
    "setting": "Setting",
    "eval_dataset": "Tested on",
    "tested_setting": "Tested in",
    "split": "Split",
    "checkpoint": "Checkpoint",
    "iteration": "Iteration",
    "steps": "Inner steps",
    "condition": "Condition",
    "intervention": "Intervention",
    "change": "Change",
    "measure": "Measure",
    "neighbours": "Neighbours",
    "pairing": "Pairing",
    "scale": "Scale",
    "estimator": "Estimator",
    "metric": "Metric",
    "layer": "Layer",
}
ALWAYS_SHOWN = ("variant", "metric", "layer")


def tabulate(evidence: Evidence) -> Tabulation:
    """Means, with intervals over tasks, of the table that the evidence has; of several, a user's.

    Columns that are constant move to the caption. Models are in the study's order.
    """
    name = min(evidence.paths, key=lambda table: table in KEYS, default="")
    rows = _in_long_form(evidence.rows(name), name)
    if rows.empty:
        return not_measured("the probe", [*HEADINGS.values(), "Mean"])
    study = evidence.study
    shown = [column for column in HEADINGS if column in rows]
    numbers = ("iteration", "steps", "neighbours", "scale")
    text = [column for column in shown if column not in numbers]
    summary = summarise(rows.astype(dict.fromkeys(text, str)), shown, "value", study.statistics)
    datasets = [column for column in ("train_dataset", "eval_dataset") if column in rows]
    printed = summary[shown].assign(
        variant=[*map(study.label, summary["variant"], summary["protocol"])],
        protocol=[*map(study.protocol_label, summary["protocol"])],
        setting=[*map(in_full, summary["setting"])],
        layer=summary["layer"].replace("", "whole network"),
        **{column: [*map(study.dataset_label, summary[column])] for column in datasets},
    )
    printed = printed.astype(str).assign(
        Mean=[
            plus_minus_significant(mean, half)
            for mean, half in zip(summary["mean"], summary["half_width"], strict=True)
        ],
    )
    if name in KEYS:  # a user's names stay as they are
        names = [column for column in shown if column in (*ALLOWED, "metric")]
        printed[names] = printed[names].replace("_", " ", regex=True)
    if on_tasks := "episode" in rows:
        printed["Tasks"] = [f"{n:,}" for n in summary["n"]]
        printed["Missing"] = [f"{missing:,}" for missing in summary["missing"]]
    rank = printed["layer"].map(layers_in_order(printed["layer"]).index)
    ranked = printed.assign(rank=rank, place=range(len(printed)))
    first = ranked.groupby([c for c in shown if c != "layer"], sort=False)["place"].transform("min")
    trained = [(m.protocol, m.dataset, m.setting, m.variant) for m in study.models]
    places = {model: place for place, model in enumerate(dict.fromkeys(trained))}
    order = summary[["protocol", "train_dataset", "setting", "variant"]].apply(tuple, axis=1)
    ranked = ranked.assign(order=order.map(places), first=first)
    index = ranked.sort_values(["order", "first", "rank"]).index
    values = {column: set(printed[column]) for column in shown if column not in ALWAYS_SHOWN}
    constant = [column for column, found in values.items() if len(found) == 1]
    everywhere = ", ".join(f"{HEADINGS[c].lower()} {printed[c].iloc[0]}" for c in constant)
    return Tabulation(
        summary.loc[index],
        printed.loc[index].drop(columns=constant).rename(columns=HEADINGS),
        captions.join(
            captions.over_tasks(study.statistics, summary) if on_tasks else captions.THESE_MODELS,
            f"In all rows: {everywhere}." if everywhere else "",
            captions.stand_ins(study, rows),
        ),
        title=f"Probe: {name}",
    )


def _in_long_form(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """A row for each `metric` and its `value`, shares in percent; users' probes have this form."""
    rows = rows.rename(columns={"quantity": "metric"})
    if "metric" in rows:
        return rows
    units = {
        field.name: field.metadata[b"unit"]
        for field in schema_of(table)
        if pa.types.is_floating(field.type) and field.name not in KEYS[table]
    }
    percent = {name: f"{name} (%)" for name, unit in units.items() if unit == b"fraction"}
    metrics = rows.assign(**{name: 100 * rows[name] for name in percent}).rename(columns=percent)
    others = [name for name in rows if name not in units]
    long = metrics.melt(others, var_name="metric", value_name="value")
    return long if "layer" in long else long.assign(layer="")
