"""What interventions cost: paired on the same tasks, found where planted, missing where not."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from innerloop.measurements.evidence import Evidence
from innerloop.papers import interventions as changed
from innerloop.papers.questions.figures.layer_worth import draw
from innerloop.papers.questions.tables.interventions import tabulate
from innerloop.specs.interventions import MEANINGS
from synthetic import describe, write_tables

OMITTED = ("accuracy", "training", "weight_norm", "toy", "step_size_value", "step_size", "protonet")


@pytest.fixture
def study(tmp_path):
    """Two methods of P1 under two seeds, one of P2 that learns its step sizes."""
    description = describe(
        ("maml", "scaled_lr"), ("meta_sgd",), settings=("5w1s",), seeds=2, others=()
    )
    return write_tables(tmp_path, description, episodes=30, omit=OMITTED), description


def test_every_intervention_has_words():
    assert changed.WORDS.keys() == MEANINGS.keys()


def test_differences_are_paired_with_the_same_model_on_the_same_task(study):
    evidence = Evidence(*study)
    rows = changed.differences(evidence)
    assert len(rows) == len(evidence.rows("interventions"))
    assert set(rows.loc[rows["intervention"] == "everything", "worth"]) == {0.0}
    by = [*changed.PAIR, "intervention", "layer"]
    accuracy = rows.set_index(by)["accuracy"].to_dict()
    for row in rows.sample(40, random_state=0).to_dict("records"):
        whole = accuracy[(*(row[key] for key in changed.PAIR), "everything", "")]
        assert row["worth"] == pytest.approx(whole - row["accuracy"])


def test_planted_losses_are_found(study):
    measured = changed.worth_by_protocol(Evidence(*study), "last")
    summary = measured["p1"].set_index(["variant", "intervention", "layer"])
    # 0.2 of what a layer moves by is planted
    found = summary["mean"]
    assert found["maml", "frozen", "head"] == pytest.approx(20 * 0.35, abs=1.2)
    assert found["scaled_lr", "frozen", "conv4"] == pytest.approx(20 * 0.3, abs=1.2)
    assert found["maml", "frozen", "conv1"] == pytest.approx(0, abs=1.2)
    assert set(summary["seeds"]) == {2}


@pytest.mark.parametrize(("missing", "said"), [(("cka",), 0), (("cka", "own_change"), 2)])
def test_nothing_measured_is_said_only_where_no_similarity_is_drawn(study, missing, said):
    tables, description = study
    left = {name: path for name, path in tables.items() if name not in missing}
    figure = draw(Evidence(left, description)).figure
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert len([text for text in texts if text.startswith("not measured")]) == said


def test_the_layer_that_is_worth_most_is_named_for_the_abstract(study):
    evidence = Evidence(*study)
    summary = changed.worth_by_protocol(evidence, "last")["p1"]
    frozen = summary[summary["intervention"] == "frozen"].set_index(["variant", "layer"])["mean"]
    most = {"MAML": ("maml", "head"), "Scaled LR": ("scaled_lr", "head")}
    said = [f"{label} ({frozen[at]:.1f})" for label, at in most.items()]
    assert draw(evidence).finding.endswith(f"lost without it: head under {', '.join(said)}.")


def test_a_task_that_diverged_is_missing_from_its_differences_alone(study):
    paths, description = study
    rows = pq.read_table(paths["interventions"]).to_pandas()
    lost = (rows["variant"] == "maml") & (rows["episode"] == 3) & (rows["checkpoint"] == "last")
    lost &= (rows["intervention"] == "frozen") & (rows["layer"] == "conv2")
    rows.loc[lost, "accuracy"] = np.nan
    rows.to_parquet(paths["interventions"], index=False)
    table = tabulate(Evidence(paths, description))
    missing = table.frame.set_index(["intervention", "layer"])["missing"]
    assert missing["frozen", "conv2"].max() == 2  # of two seeds, on each of three data sets
    assert missing.drop(("frozen", "conv2")).max() == 0
    assert "Undefined because adaptation diverged: MAML conv2 frozen (6 values)" in table.caption
    assert set(table.frame.loc[table.frame["missing"] == 2, "n"]) == {29}


def test_the_table_says_what_was_done_in_words(study):
    printed = tabulate(Evidence(*study)).display
    own = printed[(printed["Method"] == "Meta-SGD") & (printed["Tested on"] == "Symbols")]
    assert len(own) == 12
    assert own["Adaptation"].tolist()[:4] == [
        "everything adapts", "nothing adapts", "conv1 frozen", "conv2 frozen",
    ]  # fmt: skip
    assert "negative step sizes at 0" in own["Adaptation"].tolist()
    assert own["Points"].tolist()[0] == ""
    assert all(text[0] in "+−0" for text in own["Points"].tolist()[1:])


def test_a_layer_s_own_change_is_drawn_after_the_method_s_own_steps(study):
    """Of MAML, of which 10 steps are measured and 5; of what it moves a fifth is planted."""
    above = draw(Evidence(*study)).figure.axes[0]
    curves = [bars.lines[0].get_ydata() for bars in above.containers]
    heads = [values[-1] for values in curves if len(values) == 5]
    assert any(value == pytest.approx(1 - 0.2 * 0.35, abs=0.005) for value in heads)


def test_change_stands_above_effect_on_one_axis_of_layers(study):
    figure = draw(Evidence(*study)).figure
    above, _, below, _ = figure.axes
    labels = [text.get_text() for text in below.get_xticklabels()]
    assert labels == ["conv1", "conv2", "conv3", "conv4", "head", "body", "all"]
    similar = [bars.lines[0].get_ydata() for bars in above.containers]
    assert min(np.nanmin(values) for values in similar if len(values) == 5) < 0.9
    worth = changed.worth_by_protocol(Evidence(*study), "last")["p1"]
    scaled = worth[(worth["variant"] == "scaled_lr") & (worth["intervention"] == "frozen")]
    drawn = [bars.lines[0].get_ydata() for bars in below.containers]
    assert any(np.allclose(values, scaled["mean"]) for values in drawn if len(values) == 5)
    nothing = worth[(worth["variant"] == "scaled_lr") & (worth["intervention"] == "nothing")]
    assert any(values[-1] == pytest.approx(nothing["mean"].item()) for values in drawn)
