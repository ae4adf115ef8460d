"""Sentences that captions share: how many tasks and seeds, which intervals, what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import pandas as pd
from scipy.stats import norm

from innerloop.measurements.described_study import DescribedStudy
from innerloop.stats.intervals import BOOTSTRAP_RESAMPLES
from innerloop.stats.multiple_comparisons import PROMISES
from innerloop.stats.statistics import Statistics

#: Columns that tell trained models apart, of which a table has some.
MODEL = ("protocol", "variant", "train_dataset", "setting", "arm")

THESE_MODELS = "Intervals over tasks hold for these models on these test classes only."


def join(*sentences: str) -> str:
    """Sentences as one paragraph, leaving out the empty ones."""
    return " ".join(sentence for sentence in sentences if sentence)


def interval(statistics: Statistics, over: str = "tasks") -> str:
    """What intervals are shown, as `95 % intervals over tasks (mean ± 1.96 s/√n)`."""
    return f"{percent(statistics.level)} intervals over {over} ({recipe(statistics)})"


def percent(level: float) -> str:
    """A confidence level as text, such as `95 %`."""
    return f"{100 * level:g} %"


def recipe(statistics: Statistics) -> str:
    """How an interval is computed, in words."""
    if statistics.interval == "normal":
        return f"mean ± {norm.ppf((1 + statistics.level) / 2):.2f} s/√n"
    if statistics.interval == "t":
        return "Student's t"
    return f"percentile bootstrap, {BOOTSTRAP_RESAMPLES:,} resamples"


def correction(statistics: Statistics, p_values: Iterable[float] | None = None) -> str:
    """How the p-values of a family were adjusted, and for how many if they are given.

    NaN is a comparison without a test and does not count.
    """
    text = PROMISES[statistics.correction]
    if p_values is None:
        return text.replace("the {n} ", "the ").replace("{n} ", "")
    return text.format(n=sum(not math.isnan(p) for p in p_values))


def span(values: Iterable[float]) -> str:
    """The range of some values, as `200`, or `100–200` if they differ; `0` if there are none."""
    numbers = sorted(set(values))
    if not numbers:
        return "0"
    low, high = f"{numbers[0]:,.0f}", f"{numbers[-1]:,.0f}"
    return low if low == high else f"{low}–{high}"


def by_layer(values: Iterable[tuple[str, str, str]]) -> str:
    """Numbers by layer: `head under MAML (0.47), Scaled LR (0.26); conv4 under Unit norm (0.54)`.

    Args:
        values: layer, method and number, as text.
    """
    layers: dict[str, list[str]] = {}
    for layer, method, value in values:
        layers.setdefault(layer, []).append(f"{method} ({value})")
    return "; ".join(f"{layer} under {', '.join(methods)}" for layer, methods in layers.items())


def seeds(rows: pd.DataFrame, several: str) -> str:
    """A sentence on how many seeds each trained model has in some rows.

    Args:
        rows: with the columns `seed` and those of `MODEL` that tell its models apart.
        several: the sentence for more than one, such as `Mean of {} seeds.`
    """
    which = [name for name in MODEL if name in rows]
    number = span(rows.groupby(which, observed=True)["seed"].nunique())
    return "One seed." if number == "1" else several.format(number)


def counted(summary: pd.DataFrame) -> str:
    """How many tasks and seeds the means of a summary are based on."""
    seeds = span(summary["seeds"])
    plural = "seed" if seeds == "1" else "seeds"
    return f"n = {span(summary['n'])} tasks per model, {seeds} {plural}."


def over_tasks(statistics: Statistics, summary: pd.DataFrame) -> str:
    """How a summary's intervals were computed, from how many tasks, and what they are about."""
    return f"{interval(statistics)}; {counted(summary)} {THESE_MODELS}"


def stand_ins(study: DescribedStudy, rows: pd.DataFrame) -> str:
    """A sentence that names the stand-ins among the data sets of some rows; empty if none."""
    columns = [name for name in ("train_dataset", "eval_dataset", "dataset") if name in rows]
    return study.stand_ins({str(name) for column in columns for name in rows[column].unique()})


def diverged(counts: Mapping[str, tuple[int, int]], what: str = "tasks") -> str:
    """A sentence on what diverged and has no number; empty if nothing did.

    Args:
        counts: label of a method -> how many diverged, of how many.
        what: what is counted.
    """
    parts = [f"{of} ({k:,} of {n:,} {what})" for of, (k, n) in counts.items() if k]
    return f"Diverged, and left out of means and tests: {', '.join(parts)}." if parts else ""


def diverged_tasks(rows: pd.DataFrame, study: DescribedStudy, protocol: str) -> str:
    """The same for rows with an `accuracy`; a task counts once, however often it was measured."""
    if not rows["accuracy"].isna().any():
        return ""
    task = ["variant", "seed", "split", "episode"]
    lost = rows.assign(lost=rows["accuracy"].isna()).groupby(task, observed=True)["lost"].any()
    by_variant = lost.groupby("variant", observed=True).agg(["sum", "size"])
    return diverged(
        {
            study.label(str(name), protocol): (int(k), int(n))
            for name, k, n in by_variant.itertuples(name=None)
        }
    )


def missing_values(summary: pd.DataFrame, where: str, why: str) -> str:
    """A sentence on which variants have NaN values, where and how many; empty if none has."""
    broken = summary[summary["missing"] > 0]
    if broken.empty:
        return ""
    totals = (
        broken.groupby(["variant", where], sort=False, observed=True)["missing"].sum().reset_index()
    )
    parts = [
        f"{name} {place} ({missing:,} values)"
        for name, place, missing in totals.itertuples(index=False, name=None)
    ]
    return f"Undefined {why}: {', '.join(parts)}."
