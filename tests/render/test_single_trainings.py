"""Figures of means show every single training, and how far these tell the method."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from innerloop.measurements.evidence import Evidence
from innerloop.render.accuracy import accuracies
from innerloop.render.means import draw_means
from innerloop.render.style import built_in_look
from innerloop.runtime.extensions import load_entry
from innerloop.stats.intervals import mean_interval
from innerloop.stats.summaries import summarise
from shipped import FIGURES
from synthetic import describe, write_tables

NAMES = [
    *("p1_figure2_cka", "p1_figure3_cka_training", "p1_figure4_cka_datasets"),
    *("p1_figure5_cka_transfer", "p1_figure6_cka_transfer_by_method", "p2_figure7_prototypes"),
    *("layer_worth", "layer_worth_training", "inner_steps", "inner_steps_layers"),
    *("other_similarities", "accuracies"),
]
SEEDS = 3


def evidence_of(folder, seeds):
    description = describe(("maml", "scaled_lr"), ("meta_sgd",), settings=("5w1s",), seeds=seeds)
    return Evidence(write_tables(folder, description, episodes=8), description)


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    return evidence_of(tmp_path_factory.mktemp("several"), SEEDS)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return evidence_of(tmp_path_factory.mktemp("one"), 1)


def dots(axes):
    return [line for line in axes.lines if line.get_marker() == "."]


def intervals(axes):
    """Those over tasks are part of an error bar."""
    of_tasks = {id(one) for bars in axes.containers for one in bars.lines[2]}
    found = [one for one in axes.collections if isinstance(one, LineCollection)]
    return [one for one in found if id(one) not in of_tasks]


@pytest.mark.parametrize("name", NAMES)
def test_every_training_and_an_interval_over_them_are_drawn(name, several, one):
    drawing = load_entry(FIGURES[name].entry)(several)
    shown = [axes for axes in drawing.figure.axes if axes.containers]
    assert shown
    for axes in shown:
        assert len(dots(axes)) == len(intervals(axes)) > 0
        assert all(len(line.get_xdata()) % SEEDS == 0 for line in dots(axes))
    assert "Small points: single" in drawing.caption
    alone = load_entry(FIGURES[name].entry)(one)
    assert not any(dots(axes) or intervals(axes) for axes in alone.figure.axes)
    assert "Small points" not in alone.caption


def test_they_are_the_means_of_the_trainings_and_move_no_limit(several):
    rows = several.rows("cka", variant="maml", layer="head", estimator="debiased")
    curve = summarise(rows, ["variant"], "similarity", single=True)
    axes = Figure().subplots()
    draw_means(axes, [2.0], curve, built_in_look("maml", "MAML"), factor=100)
    means = 100 * rows.groupby("seed", observed=True)["similarity"].mean()
    ((line,), (drawn,)) = dots(axes), intervals(axes)
    assert line.get_ydata() == pytest.approx(means.to_numpy())
    over = mean_interval(means, "t")
    (segment,) = drawn.get_segments()
    assert segment == pytest.approx(np.array([[2, over.low], [2, over.high]]))
    low, high = axes.get_ylim()
    assert high - low < 1.2 * np.ptp([*means, *100 * curve[["low", "high"]].to_numpy()[0]])


def test_of_accuracies_the_interval_is_the_method_s(several):
    summary = accuracies(several, split="test", protocol="p2")
    home = several.study.home("p2")
    own = summary[(summary["train_dataset"] == home) & (summary["eval_dataset"] == home)]
    told = {
        (row["mean"] - row["method_half_width"], row["mean"])
        for row in own.dropna(subset="method_half_width").to_dict("records")
    }
    drawing = load_entry(FIGURES["accuracies"].entry)(several)
    drawn = {
        (segment[0][0], segment.mean(axis=0)[0])
        for axes in drawing.figure.axes
        for one in intervals(axes)
        for segment in one.get_segments()
    }
    assert told
    for wanted in told:
        assert any(found == pytest.approx(wanted) for found in drawn)
