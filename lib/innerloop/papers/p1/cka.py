"""CKA between slow and fast activations: rows, panels and caption sentences of P1's figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.layers import layers_in_order
from innerloop.measurements.selection import after_steps, common_steps
from innerloop.render import captions
from innerloop.render.means import draw_means, trainings_drawn
from innerloop.render.style import (
    Look,
    chunks,
    legend_below,
    panels,
    say_not_measured,
    titles_of,
    variant_looks,
)
from innerloop.render.tabulation import number
from innerloop.stats.summaries import summarise

PROTOCOL = "p1"

ESTIMATORS = {"biased": "biased CKA, as in the paper", "debiased": "debiased CKA"}

PANELS_PER_ROW = 5

GROUP = ["variant", "train_dataset", "eval_dataset", "iteration", "layer", "estimator"]

UNDEFINED = "because the layer is constant or adaptation diverged"


@dataclass(frozen=True)
class Panel:
    """Axes and the rows of a summary that are drawn in them."""

    axes: Axes
    rows: pd.DataFrame


def similarity(
    evidence: Evidence, *, at_home: bool = False, **equal: object
) -> dict[str, pd.DataFrame]:
    """Mean CKA of P1's models with intervals over tasks, by the number of inner steps taken.

    Args:
        evidence: the study's measurements.
        at_home: whether only tasks of the data set that a model was trained on count.
        equal: columns and the values they must have, for example `eval_dataset`.

    Returns:
        After each variant's own test steps and, where these differ, after a number of steps that
        all share: one row per variant, training and evaluation data set, iteration, layer and
        estimator, with the columns of `summarise`; variants in the study's order. Empty if
        nothing was measured.
    """
    setting = evidence.study.main_setting(PROTOCOL)
    rows = evidence.rows("cka", protocol=PROTOCOL, setting=setting, split="test", **equal)
    if at_home:
        rows = rows[rows["train_dataset"].astype(str) == rows["eval_dataset"].astype(str)]
    if rows.empty:
        return {}
    own = _summary(evidence, rows)
    steps = set(_own_steps(evidence, own["variant"].unique()).values())
    means = {f"{steps.pop()} inner steps" if len(steps) == 1 else "own inner steps": own}
    if (common := _common_steps(evidence, rows)) is not None:
        means[f"{common} inner steps"] = _summary(evidence, rows, common)
    return means


def _summary(evidence: Evidence, rows: pd.DataFrame, steps: int | None = None) -> pd.DataFrame:
    """A summary of the rows measured after `steps`, or after each variant's own number of steps."""
    study = evidence.study
    chosen = after_steps(rows, study, steps)
    parts = [chosen[chosen["variant"] == variant.name] for variant in study.variants(PROTOCOL)]
    every = pd.concat([rows.iloc[:0], *parts])
    return summarise(every, GROUP, "similarity", study.statistics, single=True)


def _common_steps(evidence: Evidence, rows: pd.DataFrame) -> int | None:
    """The number of inner steps after which all methods can be compared.

    None if there is none, or if it is every method's own number.
    """
    measured = rows.groupby("variant", observed=True)["steps"].agg(set)
    own = set(_own_steps(evidence, measured.index).values())
    common = common_steps(measured, own)
    return None if own == {common} else common


def draw_profile(axes: Axes, curves: Sequence[tuple[Look, pd.DataFrame]]) -> None:
    """Draw CKA against layers, each curve with intervals."""
    layers = layers_in_order(layer for _, curve in curves for layer in curve["layer"])
    for look, curve in curves:
        placed = curve.set_index("layer").reindex(layers)
        draw_means(axes, range(len(layers)), placed, look)
    axes.set_xticks(range(len(layers)), layers)
    axes.set_xlim(-0.5, len(layers) - 0.5)


def methods_figure(evidence: Evidence, dataset: str) -> tuple[Figure, list[pd.DataFrame]] | None:
    """P1's Figures 2 and 5: a curve per method, for models of miniImageNet's role on `dataset`.

    Biased and debiased CKA are side by side; if the methods' own numbers of steps differ, a second
    row shows all methods after a number that they share.

    Returns:
        The figure and the summary of each of its rows; None when nothing was measured.
    """
    study = evidence.study
    home = study.home(PROTOCOL)
    rows = similarity(evidence, train_dataset=home, eval_dataset=dataset, checkpoint="last")
    if not rows:
        return None
    looks = variant_looks(study, PROTOCOL)
    figure, axes = panels(len(rows), 2, (3.7, 2.5), sharex=True, sharey=True)
    for row, (title, summary) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(f"CKA, {title}")
        for panel, estimator in zip(row, ESTIMATORS, strict=True):
            mine = summary[summary["estimator"] == estimator]
            names = mine["variant"].unique()
            draw_profile(panel, [(looks[name], mine[mine["variant"] == name]) for name in names])
    for panel, title in zip(axes[0], ESTIMATORS.values(), strict=True):
        panel.set_title(title)
    own, *_ = rows.values()
    legend_below(figure, [looks[name] for name in own["variant"].unique()])
    return figure, [*rows.values()]


def grid(
    means: Mapping[str, pd.DataFrame], column: str, panel_names: Mapping[str, str], along: str = ""
) -> tuple[Figure, list[Panel]]:
    """The panels of P1's Figures 3, 4 and 6: a column per value of `column`.

    Each estimator has a row, repeated for each number of inner steps in `means`; the lowest panels
    have the axis label `along`. Long rows are wrapped.

    Returns:
        The figure, and its panels with the rows of `means` that belong in each.
    """
    blocks = chunks([*panel_names], PANELS_PER_ROW)
    lines = [(steps, estimator) for steps in means for estimator in ESTIMATORS]
    count = len(lines) * len(blocks)
    figure, axes = panels(count, len(blocks[0]), (1.6, 1.55), sharex=True, sharey=True)
    titles = titles_of(figure, panel_names, 1.35, len(blocks))
    filled = []
    for index, row in enumerate(axes):
        block, line = blocks[index // len(lines)], index % len(lines)
        steps, estimator = lines[line]
        row[0].set_ylabel(f"{estimator} CKA" + (f",\n{steps}" if len(means) > 1 else ""))
        for position, panel in enumerate(row):
            if position >= len(block):
                panel.set_axis_off()
                continue
            name, summary = block[position], means[steps]
            rows = summary[(summary[column] == name) & (summary["estimator"] == estimator)]
            filled.append(Panel(panel, rows))
            if line == 0:
                panel.set_title(titles[name])
            if rows.empty:
                say_not_measured(panel)
            lowest = line == len(lines) - 1
            panel.set_xlabel(along if lowest else "")
            panel.tick_params(labelbottom=lowest)
    return figure, filled


def profile_grid(
    means: Mapping[str, pd.DataFrame],
    column: str,
    panel_names: Mapping[str, str],
    hue: str,
    looks: Mapping[str, Look],
) -> Figure:
    """P1's Figures 4 and 6: a column per value of `column`, a curve per value of `hue`."""
    figure, filled = grid(means, column, panel_names)
    for panel in filled:
        curves = [
            (looks[name], panel.rows[panel.rows[hue] == name]) for name in panel.rows[hue].unique()
        ]
        if curves:
            draw_profile(panel.axes, curves)
        panel.axes.tick_params(axis="x", labelrotation=45)
    own, *_ = means.values()
    legend_below(figure, [looks[name] for name in own[hue].unique()])
    return figure


def method_sentences(evidence: Evidence, drawn: Sequence[pd.DataFrame], checkpoint: str) -> str:
    """Caption sentences on how the CKA of a figure was measured, and on undefined values.

    Args:
        evidence: the study's measurements.
        drawn: the summaries that the figure shows, first the one at each variant's own inner steps.
        checkpoint: words that say which weights were measured on which tasks.
    """
    summary = drawn[0]
    names = [evidence.study.label(name, PROTOCOL) for name in summary["variant"]]
    return captions.join(
        _estimators_apart(drawn),
        f"{checkpoint};",
        captions.over_tasks(evidence.study.statistics, summary),
        trainings_drawn(evidence.study, summary),
        _steps_sentence(evidence, summary),
        captions.missing_values(summary.assign(variant=names), "layer", UNDEFINED),
        _learners_without(evidence, summary),
    )


def _learners_without(evidence: Evidence, summary: pd.DataFrame) -> str:
    """A sentence on learners that are not methods and have no CKA."""
    study, shown = evidence.study, {*summary["variant"]}
    learners = {model.variant for model in study.models if "learner" in model.details} - shown
    labels = [one.label for one in study.variants(PROTOCOL) if one.name in learners]
    why = "nothing adapts under them, or the study does not ask for it"
    return f"Not measured ({why}): {', '.join(labels)}." if labels else ""


def _estimators_apart(drawn: Sequence[pd.DataFrame]) -> str:
    """A sentence on how far the two estimators are apart in a figure's means."""
    gaps = pd.concat([_gaps(summary) for summary in drawn], ignore_index=True)
    if gaps.empty:
        return ""
    widest = gaps.sort_values("gap", key=np.abs).iloc[-1]
    return (
        f"Over the {len(gaps):,} means drawn here, biased − debiased is "
        f"{number(gaps['gap'].mean(), 3, sign=True)} on average, and "
        f"{number(widest['gap'], 3, sign=True)} where it is largest ({widest['layer']})."
    )


def _gaps(summary: pd.DataFrame) -> pd.DataFrame:
    """The biased minus the debiased mean, for every point of every curve."""
    keys = [name for name in GROUP if name != "estimator"]
    means = summary.set_index(GROUP)["mean"].unstack("estimator")  # noqa: PD010
    gaps = (means["biased"] - means["debiased"]).dropna()
    return gaps.rename("gap").reset_index()[[*keys, "gap"]]


def _own_steps(evidence: Evidence, variants: Iterable[str]) -> dict[str, int]:
    """The number of inner steps that each variant takes at test time, if the study records it."""
    study = evidence.study
    setting = study.main_setting(PROTOCOL)
    found = {name: study.test_steps(PROTOCOL, name, setting) for name in variants}
    return {name: steps for name, steps in found.items() if steps is not None}


def _steps_sentence(evidence: Evidence, summary: pd.DataFrame) -> str:
    own = _own_steps(evidence, summary["variant"].unique())
    if len(set(own.values())) <= 1:
        return "".join(f"After {steps} inner steps." for steps in set(own.values()))
    each = (f"{evidence.study.label(name, PROTOCOL)} {steps}" for name, steps in own.items())
    return f"Own inner steps: {', '.join(each)}."
