"""Accuracy of every variant in percent, and the layout of the tables that print it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from innerloop.errors import SchemaError
from innerloop.render import captions
from innerloop.render.description import RAW_PIXELS
from innerloop.render.evidence import Evidence
from innerloop.render.tabulation import MISSING, number, plus_minus
from innerloop.tables.statistics import summarise

GROUP = ["protocol", "variant", "train_dataset", "eval_dataset", "split", "way", "shot"]

#: What tells rows of a printed table apart, whatever the variants are called.
IDENTITY = ["protocol", "variant"]

#: Accuracy is that of the best checkpoint; a baseline has only its own.
CHECKPOINTS = ["best", "none", "last"]

METHOD = (
    "Accuracy on the query images after adaptation, in percent: mean ± half-width of the 95 % "
    "interval over tasks (1.96 s/√n), best checkpoint on validation tasks."
)


def accuracies(evidence: Evidence, **equal: object) -> pd.DataFrame:
    """Mean accuracy with intervals over tasks, in percent, of the rows that fit `equal`.

    Returns:
        The columns of `summarise`, with those of `GROUP` as text or counts, `method` (the label)
        and `baseline`; variants in the study's order, baselines and raw pixels last.
    """
    rows = evidence.rows("accuracy", checkpoint=CHECKPOINTS, **equal)
    rank = rows["checkpoint"].astype(str).map(CHECKPOINTS.index)
    keys = [rows[column] for column in (*GROUP, "seed")]
    rows = rows[rank == rank.groupby(keys, observed=True).transform("min")]
    twice = rows.duplicated([*GROUP, "seed", "episode"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise SchemaError(
            f"table 'accuracy': task {row['episode']} of {row['variant']} on {row['eval_dataset']} "
            "was measured more than once; do rows differ in steps or BatchNorm mode?"
        )
    summary = summarise(rows, GROUP, "accuracy")
    scaled = ["mean", "low", "high", "half_width", "seed_sd"]
    summary[scaled] *= 100
    study = evidence.study
    variants = [variant for protocol in study.protocols for variant in study.variants(protocol)]
    order = {(variant.protocol, variant.name): rank for rank, variant in enumerate(variants)}
    baselines = {(v.protocol, v.name) for v in variants if v.baseline}
    text = summary[["protocol", "variant"]].astype(str)
    pairs = [*text.itertuples(index=False, name=None)]
    summary["method"] = [study.label(name, protocol) for protocol, name in pairs]
    summary["baseline"] = [pair in baselines or pair[1] == RAW_PIXELS for pair in pairs]
    summary["order"] = [order.get(pair, len(order)) for pair in pairs]
    return summary.sort_values(["order", "way", "shot"], kind="stable").drop(columns="order")


def setting_label(way: int, shot: int) -> str:
    """`5-way 1-shot`."""
    return f"{way}-way {shot}-shot"


def layout(summary: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The printed table: a row for each value of `keys` and each variant, a column a setting.

    Two variants have two rows even where they share a label.
    The spread between seeds has columns of its own when there are several seeds.
    """
    settings = sorted(set(zip(summary["way"], summary["shot"], strict=True)))
    several = bool((summary["seeds"] > 1).any())
    printed = []
    for key, rows in summary.groupby([*keys, *IDENTITY], sort=False, observed=True):
        line = dict(zip(keys, key[: len(keys)], strict=True))
        for way, shot in settings:
            here = rows[(rows["way"] == way) & (rows["shot"] == shot)]
            name = setting_label(way, shot)
            line[name] = _cell(here)
            if several:
                line[f"{name}, seed sd"] = number(here["seed_sd"].max(), 1)
        printed.append(line)
    return pd.DataFrame(printed)


def baseline_rules(summary: pd.DataFrame, keys: Sequence[str]) -> tuple[int, ...]:
    """Rows of `layout` that a rule precedes: baselines, and blocks of all keys but the last."""
    rows = summary.drop_duplicates([*keys, *IDENTITY])
    blocks = [*rows[[*keys[:-1], "baseline"]].itertuples(index=False)]
    return tuple(index for index in range(1, len(blocks)) if blocks[index] != blocks[index - 1])


def counted(summary: pd.DataFrame) -> str:
    """How the accuracies were measured, on how many tasks and seeds."""
    return captions.join(METHOD, captions.counted(summary[~summary["baseline"]]))


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return MISSING
    return plus_minus(rows["mean"].iloc[0], rows["half_width"].iloc[0])
