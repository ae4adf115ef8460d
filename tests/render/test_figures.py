"""Every figure is drawn from any study, says what it shows, and says what is missing."""

from __future__ import annotations

import copy
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure

from innerloop.measurements.evidence import Evidence
from innerloop.measurements.schemas import conform
from innerloop.papers.p1 import cka
from innerloop.render.curves import checkpoint_axis
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES, says_for_whom
from synthetic import BUILDERS, STUDIES, describe, write_tables

CKA_FIGURES = [name for name, made in FIGURES.items() if made.reads == ("cka",)]


def _legend(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("name", FIGURES)
def test_is_drawn_without_a_warning(name, study, drawing_of):
    drawing = drawing_of(name, study)
    assert drawing.caption.endswith(".")
    assert says_for_whom(drawing.caption)
    assert len(drawing.alt) > 20


@pytest.mark.parametrize("name", FIGURES)
def test_says_when_nothing_was_measured(name, drawing_of):
    drawing = drawing_of(name, "no_tables")
    assert drawing.caption.startswith("Not measured in this study")


# these studies have no grid: test_sweep.py
@pytest.mark.parametrize("name", [name for name in FIGURES if name != "sweeps"])
def test_says_on_what_it_stands(name, drawing_of):
    caption = drawing_of(name, "full").caption
    assert "seed" in caption
    assert "Stand-in data" in caption


@pytest.mark.parametrize(
    "name", ["p1_figure1_weight_norms", "p1_figure2_cka", "p1_figure4_cka_datasets"]
)
def test_a_users_method_has_its_own_curve(name, drawing_of):
    assert "my decay" in _legend(drawing_of(name, "users_method").figure)


@pytest.mark.parametrize("name", CKA_FIGURES)
def test_both_estimators_are_always_there(name, drawing_of):
    figure = drawing_of(name, "full").figure
    texts = {text for axes in figure.axes for text in (axes.get_title(), axes.get_ylabel())}
    assert any(text.startswith("biased CKA") for text in texts)
    assert any(text.startswith("debiased CKA") for text in texts)


def test_training_time_is_named_on_its_axis(drawing_of):
    for name in ("p1_figure1_weight_norms", "p1_figure3_cka_training", "negative_step_sizes"):
        labels = {axes.get_xlabel() for axes in drawing_of(name, "full").figure.axes}
        assert "outer iteration" in labels, name


def test_constant_layers_are_counted(drawing_of):
    assert "Untrained conv4 (6 values)" in drawing_of("p1_figure2_cka", "full").caption


def test_cka_is_taken_at_each_methods_own_steps(evidence_of):
    evidence = evidence_of("full")
    home = {"train_dataset": "symbols", "eval_dataset": "symbols", "checkpoint": "last"}
    own = cka.similarity(evidence, **home)["own inner steps"]
    own = own.set_index(["variant", "layer", "estimator"])
    assert own.loc[("maml", "head", "debiased"), "mean"] == pytest.approx(1 - 0.35, abs=0.05)
    assert own.loc[("unit_norm", "head", "debiased"), "mean"] == pytest.approx(0.64, abs=0.05)


def test_no_steps_are_a_number_of_steps_too(tmp_path):
    description = describe(("maml",), ())
    models = [{**model, "test_steps": 0} for model in description["models"]]
    model = {
        "protocol": "p1", "variant": "maml", "method": "maml", "train_dataset": "symbols",
        "train_store": "28", "setting": "5w1s", "way": 5, "shot": 1, "seed": 0,
    }  # fmt: skip
    where = {
        "eval_dataset": "symbols", "eval_store": "28", "split": "test", "checkpoint": "last",
        "iteration": 200, "queries": 15, "batch_norm": "batch",
        "layer": "head", "estimator": "debiased",
    }  # fmt: skip
    rows = [
        {**model, **where, "episode": episode, "steps": steps, "similarity": similarity}
        for episode in (0, 1)
        for steps, similarity in ((0, 1.0), (5, 0.5))
    ]
    pq.write_table(conform(rows, "cka"), tmp_path / "cka.parquet")
    evidence = Evidence({"cka": tmp_path / "cka.parquet"}, {**description, "models": models})
    means = cka.similarity(evidence)
    assert means["0 inner steps"]["mean"].tolist() == [1.0]


def test_all_methods_are_compared_at_the_same_number_of_steps_too(drawing_of):
    with_own, common = (
        drawing_of("p1_figure2_cka", study).figure.axes for study in ("full", "two_methods")
    )
    assert [axes.get_ylabel() for axes in with_own if axes.get_ylabel()] == [
        "CKA, own inner steps",
        "CKA, 5 inner steps",
    ]
    assert len(common) == 4
    for name in ("p1_figure4_cka_datasets", "p1_figure6_cka_transfer_by_method"):
        axes = drawing_of(name, "full").figure.axes
        labels = [panel.get_ylabel() for panel in axes if panel.get_ylabel()]
        assert [label.replace("\n", " ") for label in labels][:4] == [
            "biased CKA, own inner steps",
            "debiased CKA, own inner steps",
            "biased CKA, 5 inner steps",
            "debiased CKA, 5 inner steps",
        ]


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({"maml": [1, 2, 3, 4, 5, 10], "scaled_lr": [1, 2, 3, 4, 5, 6]}, 5),
        ({"maml": [5, 10], "scaled_lr": [5, 6, 10]}, 5),
        ({"maml": [7, 10], "scaled_lr": [6, 7]}, None),
        ({"maml": [1, 5, 10]}, None),
    ],
)
def test_the_step_count_shared_is_the_largest_within_every_methods_own(measured, expected):
    evidence = Evidence({}, describe(("maml", "scaled_lr"), ()))  # their own: 10 and 6
    rows = pd.DataFrame(
        [{"variant": name, "steps": count} for name, counts in measured.items() for count in counts]
    )
    assert cka._common_steps(evidence, rows) == expected


def test_variants_trained_for_less_keep_their_step_sizes(uneven):
    drawing = load_entry(FIGURES["p2_figure6_step_sizes"].entry)(uneven)
    heads = {axes.get_title("left").splitlines()[0] for axes in drawing.figure.axes}
    assert {"Meta-SGD", "my sgd"} <= heads
    assert "after 200 (Meta-SGD), 100 (my sgd) iterations" in drawing.caption


def test_of_few_step_sizes_all_are_drawn(per_step):
    values = per_step.trained("step_size_value", "p2")
    drawing = load_entry(FIGURES["p2_figure6_step_sizes"].entry)(per_step)
    assert "one for each tensor of a layer and inner step, at least 0 (my sgd)" in drawing.caption
    few = values.loc[values["variant"] == "my_sgd", "value"]
    low, high = drawing.figure.axes[0].get_xlim()
    assert low < few.min()
    assert few.max() < high
    assert "middle 99.8 % of variants with 1,000 or more" in drawing.caption


def test_a_layer_that_only_another_network_has_is_left_out(per_step):
    evidence = copy.copy(per_step)
    rows = per_step.trained("step_size_value", "p2")
    evidence.trained = lambda *asked: rows[
        (rows["variant"] != "my_sgd") | (rows["layer"] != "conv1")
    ]
    drawing = load_entry(FIGURES["p2_figure6_step_sizes"].entry)(evidence)
    titles = [axes.get_title("left") for axes in drawing.figure.axes]
    assert "my sgd" in titles[1]
    assert not any("nan" in title for title in titles)


def test_a_data_set_without_models_keeps_its_panel(drawing_of):
    figure = drawing_of("p1_figure4_cka_datasets", "two_methods").figure
    notes = [text.get_text() for axes in figure.axes for text in axes.texts]
    # two data sets, two estimators, after each method's own steps and after those they share
    assert sum("not measured" in note for note in notes) == 8
    assert [axes.get_title() for axes in figure.axes][:3] == ["People", "Scripts", "Symbols"]


def test_planted_changes_show_in_the_prototype_figure(drawing_of):
    _, change = drawing_of("p2_figure7_prototypes", "full").figure.axes
    heights = [line.get_ydata()[1] for line in change.lines if len(line.get_ydata()) == 2]
    assert heights[0] == pytest.approx(-0.3, abs=0.25)


def test_the_four_conditions_of_the_prototypes_are_drawn(drawing_of, evidence_of):
    """Each accuracy after adaptation beside that before it on the very same tasks."""
    accuracy, _ = drawing_of("p2_figure7_prototypes", "full").figure.axes
    assert [text.get_text().replace("\n", " ") for text in accuracy.get_xticklabels()] == [
        "on-task, before",
        "on-task, after",
        "off-task, before",
        "off-task, after",
    ]
    rows = evidence_of("full").trained("protonet", "p2")
    rows = rows[(rows["split"] == "test") & (rows["variant"] == "maml")]
    means = 100 * rows.groupby("condition", observed=True)["accuracy"].mean()
    joined = [line.get_ydata() for line in accuracy.lines if len(line.get_ydata()) == 2][:2]
    assert joined[0] == pytest.approx(means[["pre_adaptation", "on_task"]])
    assert joined[1] == pytest.approx(means[["pre_adaptation_off_task", "off_task"]])


@pytest.mark.parametrize("name", ["p1_figure2_cka", "p1_figure4_cka_datasets"])
def test_how_far_the_estimators_lie_apart_is_measured(name, drawing_of):
    drawing = drawing_of(name, "full")
    said = re.search(r"Over the (\d+) means .* is \+(\S+) on average, and \+(\S+)", drawing.caption)
    heights = {"biased": [], "debiased": []}
    for axes in drawing.figure.axes:
        curves = (np.asarray(bars.lines[0].get_ydata(), float) for bars in axes.containers)
        heights[_estimator(axes, drawing.figure.axes)] += curves
    gaps = np.concatenate(heights["biased"]) - np.concatenate(heights["debiased"])
    assert int(said[1]) == np.isfinite(gaps).sum()
    assert float(said[2]) == pytest.approx(np.nanmean(gaps), abs=6e-4)
    assert float(said[3]) == pytest.approx(np.nanmax(gaps), abs=6e-4)
    # what CKA is, Figure 2 says for all
    assert ("Linear CKA between" in drawing.caption) == (name == "p1_figure2_cka")


def _estimator(axes, every):
    """What a panel shows: said over its column, or at the left end of its row."""
    said = [
        text
        for other in every
        for text, place in ((other.get_title(), "column"), (other.get_ylabel(), "row"))
        if text.startswith(("biased", "debiased"))
        and (
            other.get_subplotspec().colspan == axes.get_subplotspec().colspan
            if place == "column"
            else other.get_subplotspec().rowspan == axes.get_subplotspec().rowspan
        )
    ]
    return said[0].split()[0]


def test_effective_step_sizes_of_either_sign_are_drawn(tables_of, tmp_path):
    rows = pq.read_table(tables_of("two_methods")["weight_norm"]).to_pandas()
    negative = (rows["variant"] == "maml") & (rows["layer"] == "conv2") & (rows["iteration"] > 50)
    rows.loc[negative, "effective_step_size"] *= -1
    path = tmp_path / "weight_norm.parquet"
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)
    evidence = Evidence({"weight_norm": path}, STUDIES["two_methods"][0])
    drawing = load_entry(FIGURES["effective_step_sizes"].entry)(evidence)
    for axes in drawing.figure.axes:
        low, high = axes.get_ylim()
        for line in axes.lines:
            shown = line.get_ydata()
            assert low <= shown.min() <= shown.max() <= high
            assert np.isfinite(axes.transData.transform([(0, y) for y in shown])).all()
    assert drawing.figure.axes[1].lines[0].get_ydata().min() < 0
    assert "logarithmic in both directions" in drawing.caption


@pytest.fixture(scope="module")
def two_labels(tables_of):
    """A study in which MAML has another label under the second protocol."""
    description = copy.deepcopy(STUDIES["full"][0])
    description["protocols"]["p2"]["labels"]["maml"] = "MAML, 5 steps"
    return Evidence(tables_of("full"), description)


@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith("p2_")])
def test_a_figure_of_one_protocol_has_its_labels(name, two_labels):
    legend = _legend(load_entry(FIGURES[name].entry)(two_labels).figure)
    assert ("MAML, 5 steps" in legend) == ("Meta-SGD" in legend)
    assert "MAML" not in legend


@pytest.mark.parametrize("name", ["learning_curves", "layer_worth", "effective_step_sizes"])
def test_a_figure_of_two_protocols_has_the_labels_of_both(name, two_labels):
    legend = _legend(load_entry(FIGURES[name].entry)(two_labels).figure)
    assert {"MAML", "MAML, 5 steps"} <= {*legend}


def test_rows_of_variants_are_labelled_as_under_their_protocol(two_labels):
    figure = load_entry(FIGURES["accuracies"].entry)(two_labels).figure
    labels = {
        axes.get_title().partition(",")[0]: [tick.get_text() for tick in axes.get_yticklabels()]
        for axes in figure.axes
    }
    assert "MAML" in labels["P1"]
    assert "MAML, 5 steps" not in labels["P1"]
    assert labels["P2"] == ["MAML, 5 steps", "Meta-SGD"]


def test_single_seeds_lie_about_their_mean(tmp_path):
    description = describe(("maml",), (), settings=("5w1s",), others=(), seeds=2)
    others = [name for name in BUILDERS if name != "accuracy"]
    evidence = Evidence(write_tables(tmp_path, description, omit=others), description)
    (axes,) = load_entry(FIGURES["accuracies"].entry)(evidence).figure.axes
    dots, mean, *_ = (np.asarray(line.get_xdata()) for line in axes.lines)
    assert len(dots) == 2
    assert dots.mean() == pytest.approx(mean[0])


@pytest.fixture(scope="module")
def own_protocol(tmp_path_factory):
    """A study of one protocol, which is none of the papers', on a data set of its own."""
    description = describe(("maml", "scaled_lr"), (), settings=("5w1s",), others=())
    for model in description["models"]:
        model |= {"protocol": "mine", "dataset": "flowers"}
    description["protocols"] = {"mine": {**description["protocols"]["p1"], "title": "Mine"}}
    description["roles"]["mini_imagenet"] = "flowers"
    description["datasets"]["flowers"] = {"label": "Flowers"}
    for paper in description["papers"]:
        paper["measured"] = not paper["facts"]["protocol"]
    tables = write_tables(tmp_path_factory.mktemp("own protocol"), description, episodes=5)
    description["roles"]["mini_imagenet"] = "symbols"  # whose part another data set plays
    return Evidence(tables, description)


QUESTIONS = ["scale_invariance", "effective_step_sizes", "layer_worth", "layer_worth_training"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_papers_leave_open_is_asked_of_every_protocol(name, own_protocol):
    drawing = load_entry(FIGURES[name].entry)(own_protocol)
    assert drawing.measured
    assert "Scaled LR" in _legend(drawing.figure)


def test_layers_that_do_not_adapt_lie_at_zero(drawing_of):
    drawing = drawing_of("effective_step_sizes", "full")
    assert "a layer that does not adapt lies at zero" in drawing.caption
    heights = [line.get_ydata() for line in drawing.figure.axes[0].lines]
    assert any((height == 0).all() for height in heights)


@pytest.mark.parametrize(
    ("name", "study", "said"),
    [
        ("p1_figure1_weight_norms", "full", {"Symbols"}),
        ("p1_figure5_cka_transfer", "full", {"Symbols", "Scripts"}),
        ("negative_step_sizes", "full", {"Symbols", "People", "Scripts"}),
        ("p1_figure4_cka_datasets", "two_methods", {"Symbols"}),
    ],
)
def test_stand_ins_are_those_that_are_shown(name, study, said, drawing_of):
    sentence = drawing_of(name, study).caption.rpartition("Stand-in data: ")[2]
    named = {label for label in ("Symbols", "People", "Scripts", "Digits") if label in sentence}
    assert named == said


@pytest.mark.parametrize(
    ("iterations", "ticks"),
    [((0, 20, 50, 100, 200), [0, 20, 50, 200]), ((0, 1, 2), [0, 1, 2]), ((0, 7), [0, 7])],
)
def test_an_axis_of_checkpoints_names_its_ends_and_what_is_halfway(iterations, ticks):
    axes = Figure().subplots()
    checkpoint_axis(axes, iterations)
    assert list(axes.get_xticks()) == ticks
