"""Accuracy of every variant in percent, and the layout of the tables that print it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from innerloop.measurements.class_shares import class_shares
from innerloop.measurements.comparability import PROTOCOL
from innerloop.measurements.described_study import METHODS_MAY_DIFFER, RAW_PIXELS, DescribedStudy
from innerloop.measurements.evidence import Evidence
from innerloop.measurements.selection import CHECKPOINTS, one_checkpoint
from innerloop.render import captions
from innerloop.render.tabulation import MISSING, Tabulation, number, plus_minus, rules_between
from innerloop.specs.setting import setting_label
from innerloop.stats.generalising import LEAST_CLASSES, LEAST_TRAININGS
from innerloop.stats.summaries import summarise
from innerloop.stats.t_tests import generalised
from innerloop.stats.winner import Shares, by_training, winner

#: Columns that identify a number of a printed table: one variant, measured in one place; and the
#: rest of its protocol.
GROUP = ["protocol", "variant", "train_dataset", "eval_dataset", "split", "way", "shot"]
REST = [column for column in (*PROTOCOL, "iteration") if column not in GROUP]

#: The protocol of raw pixels, and the columns that say where they were tested on a model's tasks.
BASELINE, PLACE = "baseline", ["eval_dataset", "way", "shot"]

#: Columns that identify a row of a printed table, since two variants may share a label.
IDENTITY = ["protocol", "variant"]

BEST = (
    "Bold: the highest mean of a column, if it differs significantly, for the method, from that of "
    "every other method under the same protocol, over the trainings that both have ({correction}; "
    f"nothing is bold with fewer than {LEAST_TRAININGS} trainings)."
)


def accuracies(evidence: Evidence, **equal: object) -> pd.DataFrame:
    """Mean accuracy, with intervals over tasks, of the rows whose columns equal the given values.

    Returns:
        One row per variant and place, in percent, with the columns of `summarise`, those of `GROUP`
        as text or counts, `method` (the label), `method_half_width`, `baseline` and `best`;
        variants in the study's order, baselines and raw pixels last.

    Raises:
        SchemaError: a task was measured more than once.
    """
    rows = evidence.rows("accuracy", checkpoint=CHECKPOINTS, **equal)
    rows = one_checkpoint(rows, GROUP)
    study = evidence.study
    summary = summarise(rows, GROUP, "accuracy", study.statistics)
    keys = [tuple(map(str, key)) for key in summary[GROUP].itertuples(index=False)]
    half_widths = _for_the_method(rows, study)
    summary["method_half_width"] = [half_widths[key] for key in keys]
    scaled = [
        "mean",
        "low",
        "high",
        "half_width",
        "seed_sd",
        "seed_half_width",
        "method_half_width",
    ]
    summary[scaled] *= 100
    variants = [variant for protocol in study.protocols for variant in study.variants(protocol)]
    order = {(variant.protocol, variant.name): rank for rank, variant in enumerate(variants)}
    baselines = {(v.protocol, v.name) for v in variants if v.baseline}
    pairs = [(protocol, variant) for protocol, variant, *_ in keys]
    summary["method"] = [study.label(name, protocol) for protocol, name in pairs]
    # an array, since an empty list would not be boolean
    baseline = [pair in baselines or pair[1] == RAW_PIXELS for pair in pairs]
    summary["baseline"] = np.array(baseline, bool)
    best = _best(rows, {key for key, other in zip(keys, baseline, strict=True) if not other}, study)
    summary["best"] = np.array([key in best for key in keys], bool)
    summary["order"] = [order.get(pair, len(order)) for pair in pairs]
    return summary.sort_values(["order", "way", "shot"], kind="stable").drop(columns="order")


def _for_the_method(rows: pd.DataFrame, study: DescribedStudy) -> dict[tuple[str, ...], float]:
    """Half-width of each group's interval for new trainings and classes; NaN for one training."""
    half_widths = {}
    for key, part in rows.groupby(GROUP, sort=False, observed=True):
        values = by_training(part, "accuracy").dropna(axis=1, how="all")
        shares = _shares(part, study)(values.index) if values.size else None
        test = generalised(values.to_numpy(), shares, study.statistics.level)
        half_widths[tuple(map(str, key))] = test.difference.half_width
    return half_widths


def _shares(rows: pd.DataFrame, study: DescribedStudy) -> Shares:
    """The class shares of the tasks of some rows, which were measured in one place."""
    one = rows.iloc[0]
    dataset, split, way = str(one["eval_dataset"]), str(one["split"]), int(one["way"])
    return lambda episodes: class_shares(study, dataset, split, way, episodes)


def with_raw_pixels(trained: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """A summary of models, followed by that of raw pixels on the same data sets and settings."""
    raw = accuracies(evidence, protocol=BASELINE, split="test").astype({"eval_dataset": str})
    places = {*trained[PLACE].astype({"eval_dataset": str}).itertuples(index=False, name=None)}
    same = [place in places for place in raw[PLACE].itertuples(index=False, name=None)]
    return pd.concat([trained, raw[same]])


def _best(
    rows: pd.DataFrame, competing: set[tuple[str, ...]], study: DescribedStudy
) -> set[tuple[str, ...] | None]:
    """The competing groups that are the `winner` in their place; None for places without one."""
    own = [*GROUP[:1], *GROUP[2:]]
    same = [*own, *(column for column in REST if column not in (*METHODS_MAY_DIFFER, "iteration"))]
    marked: set[tuple[str, ...] | None] = set()
    for _, block in rows.groupby(same, sort=False, observed=True):
        candidates = {
            key: by_training(part, "accuracy")
            for name, part in block.groupby(GROUP, sort=False, observed=True)
            if (key := tuple(map(str, name))) in competing
        }
        marked.add(winner(candidates, study.statistics, _shares(block, study)))
    return marked


def accuracy_table(
    summary: pd.DataFrame,
    study: DescribedStudy,
    keys: Sequence[str],
    *sentences: str,
    blocks: Sequence[str] | None = None,
) -> Tabulation:
    """A table with a row for each value of `keys` and each variant, and a column for each setting.

    Args:
        summary: rows of `accuracies`.
        study: the study that they belong to.
        keys: columns of the summary that head the rows.
        sentences: sentences of the caption; how accuracy was measured follows the first.
        blocks: the keys whose values are separated by rules; by default, all but the last.
    """
    display = _layout(summary, keys)
    return Tabulation(
        summary,
        display,
        captions.join(sentences[0], _measured(summary, study), *sentences[1:]),
        _rules(summary, keys, keys[:-1] if blocks is None else blocks),
        bold=_bold(summary, keys, display),
    )


def _measured(summary: pd.DataFrame, study: DescribedStudy) -> str:
    """How the accuracies were measured, on how many tasks and seeds."""
    chosen = study.statistics
    names = "Method" if "Method" in summary else "method"
    totals = summary.groupby(names, sort=False)[["missing", "values"]].sum()
    return captions.join(
        "Accuracy on the query images after adaptation, in percent: mean ± half-width of the "
        f"{captions.percent(chosen.level)} interval over tasks ({captions.recipe(chosen)}), "
        "at the checkpoint that is best on validation tasks.",
        captions.counted(summary[~summary["baseline"]]),
        f"For the method: half-width of the {captions.percent(chosen.level)} interval for new "
        f"trainings on new classes (on these classes if there are fewer than {LEAST_CLASSES}), and "
        "in brackets the standard deviation between trainings and their number. "
        "docs/intervals.md explains why this interval is so much wider."
        if (summary["seeds"] > 1).any()
        else f"{captions.THESE_MODELS} One training says nothing about a method.",
        captions.diverged({str(n): (k, of) for n, k, of in totals.itertuples(name=None)}),
        BEST.format(correction=captions.correction(chosen)) if summary["best"].any() else "",
    )


def _layout(summary: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The printed cells: one row per variant, even if two share a label.

    With several trainings, each setting has a second column, about the method.
    """
    several = bool((summary["seeds"] > 1).any())
    printed = []
    for key, rows in summary.groupby([*keys, *IDENTITY], sort=False, observed=True):
        line = dict(zip(keys, key[: len(keys)], strict=True))
        for way, shot in _settings(summary):
            here = rows[(rows["way"] == way) & (rows["shot"] == shot)]
            name = setting_label(way, shot)
            line[name] = _cell(here)
            if several:
                line[f"{name}, for the method"] = _method_cell(here)
        printed.append(line)
    return pd.DataFrame(printed)


def _bold(
    summary: pd.DataFrame, keys: Sequence[str], display: pd.DataFrame
) -> frozenset[tuple[int, int]]:
    """The cells of the layout to set in bold, as (row, column)."""
    columns = [*display.columns]
    return frozenset(
        (row, columns.index(setting_label(way, shot)))
        for row, (_, rows) in enumerate(
            summary.groupby([*keys, *IDENTITY], sort=False, observed=True)
        )
        for way, shot in rows.loc[rows["best"], ["way", "shot"]].itertuples(index=False)
    )


def _rules(summary: pd.DataFrame, keys: Sequence[str], blocks: Sequence[str]) -> tuple[int, ...]:
    """Rows preceded by a rule: the first baseline, and the first of each block of equal keys."""
    rows = summary.drop_duplicates([*keys, *IDENTITY])
    return rules_between(rows[[*blocks, "baseline"]].itertuples(index=False))


def _settings(summary: pd.DataFrame) -> list[tuple[int, int]]:
    return sorted(set(zip(summary["way"], summary["shot"], strict=True)))


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return MISSING
    return plus_minus(rows["mean"].iloc[0], rows["half_width"].iloc[0])


def _method_cell(rows: pd.DataFrame) -> str:
    if rows.empty or rows["seeds"].iloc[0] < 2:
        return MISSING
    half, sd = (number(rows[column].iloc[0], 1) for column in ("method_half_width", "seed_sd"))
    return f"± {half} (sd {sd} of {rows['seeds'].iloc[0]})"
