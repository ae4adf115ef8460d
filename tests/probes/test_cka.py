"""The CKA probe: what it measures, on which tasks, after how many steps."""

from collections.abc import Iterable
from pathlib import Path

import probed
import pytest
import torch

import tiny
from innerloop.learners.gradient_based.adapt import adapt, query_logits
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.measurements.schemas import conform
from innerloop.networks.options import BLOCKS, LAYERS
from innerloop.networks.parameters import with_task_axis
from innerloop.probes.cka import cka
from innerloop.probes.linear_cka import cka_biased, cka_debiased, gram
from innerloop.probes.probe import Row

TASKS = {"tasks": 3}


def values(rows: Iterable[Row], **equal: object) -> list[float]:
    return [
        row["similarity"]
        for row in rows
        if all(row[column] == value for column, value in equal.items())
    ]


@pytest.mark.parametrize("batch_norm", ["batch", "support"])
def test_against_one_task_at_a_time(tmp_path: Path, batch_norm: str):
    network = tiny.NETWORK.with_options(normalisation=batch_norm)
    chosen = method("meta_sgd", step_size=0.2)
    model = probed.model(
        tmp_path, chosen, {**TASKS, "steps": ["test", 1]}, network=network, dtype=torch.float64
    )
    rows = list(cka(model))
    weights = model.weights()
    drawn = list(model.tasks(tiny.DATASET).batches(3, 1))
    for steps in (1, 3):
        for episode, one in enumerate(drawn):
            support, query = one.support.images, one.query.images
            fast = adapt(
                network, weights.slow, chosen, one.support,
                steps=steps, step_sizes=weights.state["step_sizes"],
            ).fast  # fmt: skip
            slow_outputs: dict[str, torch.Tensor] = {}
            fast_outputs: dict[str, torch.Tensor] = {}
            query_logits(network, with_task_axis(weights.slow, 1), support, query, slow_outputs)
            query_logits(network, fast, support, query, fast_outputs)
            for layer in LAYERS:
                pair = gram(slow_outputs[layer]), gram(fast_outputs[layer])
                where = {"steps": steps, "episode": episode, "layer": layer}
                for estimator, similarity in (("biased", cka_biased), ("debiased", cka_debiased)):
                    assert values(rows, **where, estimator=estimator) == [
                        pytest.approx(similarity(*pair).item(), abs=1e-9)
                    ]


def test_rows_fill_the_declared_table(tmp_path: Path):
    model = probed.model(tmp_path, options=TASKS)
    rows = [{**probed.MODEL_COLUMNS, **row} for row in cka(model)]
    table = conform(rows, "cka")
    # two step counts, five layers, two estimators, three tasks
    assert table.num_rows == 2 * 5 * 2 * 3
    assert set(table.column("steps").to_pylist()) == {3, 5}
    assert set(table.column("episode").to_pylist()) == {0, 1, 2}
    assert set(table.column("checkpoint").to_pylist()) == {"last"}
    assert set(table.column("iteration").to_pylist()) == {20}
    assert set(table.column("queries").to_pylist()) == {4}


@pytest.mark.parametrize("steps", [["test", 3], [3], ["test", 3, "test"]])
def test_the_same_step_count_is_measured_once(tmp_path: Path, steps: list[object]):
    rows = list(cka(probed.model(tmp_path, options={**TASKS, "steps": steps})))
    assert len(rows) == 5 * 2 * 3


def test_adapts_once_for_all_step_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    taken = []

    def spy(*arguments, steps, **keywords):
        taken.append(steps)
        return adapt(*arguments, steps=steps, **keywords)

    monkeypatch.setattr("innerloop.learners.gradient_based.learner.adapt", spy)
    list(cka(probed.model(tmp_path, options={**TASKS, "steps": [1, "test", 2]})))
    assert taken == [3, 3]  # batches of two tasks and one


@pytest.mark.parametrize("name", METHODS)
def test_no_steps_change_nothing(tmp_path: Path, name: str):
    model = probed.model(tmp_path, method(name), {**TASKS, "steps": [0]})
    assert set(values(cka(model))) == {1.0}


def test_anil_changes_the_head_alone(tmp_path: Path):
    rows = list(cka(probed.model(tmp_path, method("anil", step_size=0.5), TASKS)))
    for layer in BLOCKS:
        assert set(values(rows, layer=layer)) == {1.0}
    assert max(values(rows, layer="head")) < 1


def test_boil_changes_the_body(tmp_path: Path):
    rows = list(cka(probed.model(tmp_path, method("boil", step_size=0.5), TASKS)))
    assert max(values(rows, layer="conv4", estimator="debiased")) < 1 - 1e-6


def test_larger_steps_change_more(tmp_path: Path):
    def mean(step_size: float) -> float:
        model = probed.model(tmp_path, method("maml", step_size=step_size), TASKS)
        found = values(cka(model), layer="conv4", steps=5, estimator="biased")
        return sum(found) / len(found)

    assert mean(0.5) < mean(0.05) < mean(0.001) <= 1


def test_a_dead_layer_gives_nan_rows(tmp_path: Path):
    model = probed.model(tmp_path, method("anil"), TASKS)
    for name in ("conv2.gamma", "conv2.beta"):
        model.trained.kept[20].slow[name].fill_(-1 if name == "conv2.beta" else 0)
    rows = list(cka(model))
    for layer in LAYERS:
        dead = layer != "conv1"
        assert all((value != value) == dead for value in values(rows, layer=layer))
    conform([{**probed.MODEL_COLUMNS, **row} for row in rows], "cka")


def test_over_training(tmp_path: Path):
    """P1 Figure 3: kept checkpoints, own data set, own step count, fewer tasks."""
    options = {**TASKS, "over_training": [tiny.DATASET], "training_tasks": 2}
    model = probed.model(tmp_path, options=options, datasets=("elsewhere", tiny.DATASET))
    rows = list(cka(model))
    named = [row for row in rows if row["checkpoint"] == "named"]
    assert {row["iteration"] for row in named} == {0, 10, 20}
    assert {row["eval_dataset"] for row in named} == {tiny.DATASET}
    assert {row["steps"] for row in named} == {3}
    assert {row["episode"] for row in named} == {0, 1}
    assert len(named) == 3 * 5 * 2 * 2
    assert {row["eval_dataset"] for row in rows if row["checkpoint"] == "last"} == {
        tiny.DATASET,
        "elsewhere",
    }
    same = {"steps": 3, "episode": 1, "eval_dataset": tiny.DATASET}
    assert values(named, iteration=20, **same) == values(rows, checkpoint="last", **same)
    assert values(named, iteration=0, **same) != values(named, iteration=20, **same)


@pytest.mark.parametrize(
    ("over_training", "datasets"),
    [(["another"], (tiny.DATASET,)), ([tiny.DATASET], ("elsewhere",)), ([], (tiny.DATASET,))],
)
def test_other_models_are_left_out_of_it(tmp_path: Path, over_training: list, datasets: tuple):
    options = {**TASKS, "over_training": over_training}
    rows = list(cka(probed.model(tmp_path, options=options, datasets=datasets)))
    assert {row["checkpoint"] for row in rows} == {"last"}
