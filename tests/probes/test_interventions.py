"""Interventions: what each must be equal to, on any network and under any method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import probed
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import innerloop
import tiny
from innerloop.data.other_tasks import of_same_classes
from innerloop.learners.gradient_based.adapt import adapt
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.measurements.schemas import conform
from innerloop.networks.network import Network
from innerloop.networks.options import BLOCKS
from innerloop.probes.interventions import Changed, interventions
from innerloop.probes.nearest_prototype import cosine_similarities, prototypes
from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.errors import DataError
from innerloop.specs.interventions import interventions as asked
from innerloop.training.evaluation import query_results

MODULES = Path(__file__).parents[1] / "networks/modules.py"
RESIDUAL = Network(3, tiny.SIZE, entry=f"{MODULES}:Residual")
COUNT = 6
#: Steps that are large enough for every layer to matter.
STEP = 1.0


def changed(model: ProbedModel) -> Changed:
    weights = model.weights()
    return Changed(model, weights, tiny.DATASET, model.tasks(tiny.DATASET).batch(range(COUNT)))


def accuracies(model: ProbedModel, steps: int) -> list[float]:
    """As the probe `accuracy` has them."""
    state, tasks = model.weights().state, model.tasks(tiny.DATASET).batch(range(COUNT))
    result = query_results(model.network, model.learner, state, [tasks], steps)
    return result.accuracies.tolist()


def by_name(rows: list[Row]) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        found.setdefault((row["intervention"], row["layer"]), []).append(row["accuracy"])
    return found


@pytest.mark.parametrize("network", [tiny.NETWORK, RESIDUAL], ids=["conv4", "a user's"])
@pytest.mark.parametrize("name", METHODS)
def test_everything_and_nothing_are_the_accuracies_after_and_before(
    tmp_path: Path, name: str, network: Network
):
    model = probed.model(tmp_path, method(name, step_size=STEP), network=network)
    found = changed(model)
    assert found.accuracies("everything").tolist() == accuracies(model, model.test_steps)
    assert found.accuracies("nothing").tolist() == accuracies(model, 0)
    assert found.accuracies("everything").tolist() != found.accuracies("nothing").tolist()


@pytest.mark.parametrize("name", ["maml", "scaled_lr", "unit_norm", "meta_sgd"])
@settings(max_examples=5, deadline=None)
@given(frozen=st.sets(st.sampled_from([*tiny.NETWORK.shapes])))
def test_a_frozen_parameter_is_one_with_a_step_size_of_zero(name: str, frozen: set[str]):
    chosen, tasks = method(name, step_size=STEP), tiny.batch()
    slow, sizes = tiny.start(chosen)
    zeroed = {key: size * (key not in frozen) for key, size in sizes.items()}
    one, other = (
        adapt(tiny.NETWORK, slow, chosen, tasks.support, steps=2, **how).fast
        for how in ({"step_sizes": sizes, "frozen": frozen}, {"step_sizes": zeroed})
    )
    for key in slow:
        assert torch.allclose(one[key], other[key], rtol=0, atol=1e-10)
        if key in frozen:
            assert torch.equal(one[key], slow[key].expand_as(one[key]))


def test_what_does_not_adapt_may_be_frozen(tmp_path: Path):
    anil = changed(probed.model(tmp_path, method("anil", step_size=STEP)))
    for layer in BLOCKS:
        assert torch.equal(anil.accuracies("frozen", layer), anil.accuracies("everything"))
        assert torch.equal(anil.accuracies("only", layer), anil.accuracies("nothing"))
    assert torch.equal(anil.accuracies("frozen", "head"), anil.accuracies("nothing"))
    boil = changed(probed.model(tmp_path, method("boil", step_size=STEP)))
    assert torch.equal(boil.accuracies("frozen", "head"), boil.accuracies("everything"))
    assert torch.equal(boil.accuracies("only", "head"), boil.accuracies("nothing"))


def test_a_layer_is_frozen_with_its_bias_gamma_and_beta(tmp_path: Path):
    found = changed(probed.model(tmp_path, method("maml", step_size=STEP), network=RESIDUAL))
    without = {
        layer: set(RESIDUAL.shapes) - set(found._adapting("frozen", layer))
        for layer in RESIDUAL.layer_parameters
    }
    assert without["stem"] == {"stem.weight", "stem.bias", "stem.gamma", "stem.beta"}
    assert set.union(*without.values()) == set(RESIDUAL.shapes)
    assert sum(map(len, without.values())) == len(RESIDUAL.shapes)
    assert found._adapting("only_weight", "stem") == ["stem.weight"]
    kinds = {name.rpartition(".")[2] for name in found._adapting("norm_frozen", "")}
    assert kinds == {"weight", "bias"}


def test_what_is_frozen_is_judged_as_it_was(tmp_path: Path):
    model = probed.model(tmp_path, method("maml", step_size=STEP), dtype=torch.float64)
    found, last = changed(model), BLOCKS[-1]
    for intervention, layer, adapting in (
        ("frozen", last, {*BLOCKS[:-1], "head"}),
        ("frozen_up_to", last, {"head"}),
        ("only", last, {last}),
    ):
        state = model.weights().state
        state["step_sizes"] = {
            name: size * (name.partition(".")[0] in adapting)
            for name, size in state["step_sizes"].items()
        }
        expected = query_results(model.network, model.learner, state, [found.tasks], 3).accuracies
        assert torch.equal(found.accuracies(intervention, layer), expected.double())
        assert not torch.equal(expected, found.accuracies("everything"))


def test_meta_sgd_with_its_means_is_maml_with_rates_of_layers(tmp_path: Path):
    of_weights = probed.model(tmp_path, method("meta_sgd", step_size=STEP))
    of_layers = method("meta_sgd", step_size=STEP, learn_step_size="layer")
    other = probed.model(tmp_path, of_layers)
    for name, sizes in of_weights.weights().state["step_sizes"].items():
        other.trained.kept[20].state["step_sizes"][name].fill_(sizes.mean())
        other.trained.kept[20].slow[name].copy_(of_weights.weights().slow[name])
    means = changed(of_weights).accuracies("step_sizes_mean")
    assert torch.equal(means, changed(other).accuracies("everything"))
    assert not torch.equal(means, changed(of_weights).accuracies("everything"))


def test_step_sizes_are_changed_as_said(tmp_path: Path):
    model = probed.model(tmp_path, method("meta_sgd", step_size=0.2))
    found = changed(model)
    sizes = found.weights.state["step_sizes"]

    def by(how: str) -> dict[str, torch.Tensor]:
        return found.step_sizes(f"step_sizes_{how}")

    expected = {
        "clamped": lambda size: size.relu(),
        "absolute": lambda size: size * size.sign(),
        "flipped": lambda size: -size,
        "doubled": lambda size: size + size,
        "tripled": lambda size: size + size + size,
        "halved": lambda size: size - 0.5 * size,
        "at_start": lambda size: torch.full_like(size, 0.2),
    }
    for how, of_size in expected.items():
        for name, made in by(how).items():
            assert torch.allclose(made, of_size(sizes[name]))
    for name, made in by("shuffled").items():
        assert torch.equal(made.flatten().sort()[0], sizes[name].flatten().sort()[0])
    assert not torch.equal(by("shuffled")["conv2.weight"], sizes["conv2.weight"])
    swapped, pair = by("swapped"), ("conv4.weight", "head.weight")
    for name, other in (pair, pair[::-1]):
        assert torch.allclose(swapped[name].mean(), sizes[other].mean())
        assert torch.allclose(swapped[name].std(), sizes[name].std())
    assert all(torch.equal(swapped[name], sizes[name]) for name in sizes if name not in pair)


def test_step_sizes_that_were_drawn_are_drawn_again_as_before_training(tmp_path: Path):
    model = probed.model(tmp_path, method("meta_sgd", step_size=(0.1, 0.4)))
    first = model.learner.init(model.network, tiny.TRAINING.seed)["step_sizes"]
    for name, size in changed(model).step_sizes("step_sizes_at_start").items():
        assert torch.equal(size, first[name])
        assert not torch.equal(size, model.weights().state["step_sizes"][name])


@pytest.mark.parametrize("learned", ["parameter", "layer", "step_and_layer"])
@pytest.mark.parametrize("adapts", ["all", "head", "body"])
def test_an_intervention_on_learned_step_sizes_changes_some(
    tmp_path: Path, learned: Any, adapts: Any
):
    chosen = method("meta_sgd", step_size=STEP, learn_step_size=learned, adapts=adapts)
    found = changed(probed.model(tmp_path, chosen))
    sizes = found.weights.state["step_sizes"]
    for number, size in enumerate(sizes.values()):  # of both signs, and unlike their start
        size.copy_((torch.arange(size.numel()) + (number + 1.5) * (-1) ** number).view_as(size))
    every = asked("all", BLOCKS, moving=chosen.moving_roles, learned=chosen.learn_step_size)
    names = [name for name, _ in every if name.startswith("step_sizes_")]
    for name in names:
        made = found.step_sizes(name)
        assert any(not torch.equal(made[key], sizes[key]) for key in sizes), name
    assert ("step_sizes_swapped" in names) == (adapts == "all")
    assert ("step_sizes_shuffled" in names) == (learned != "layer")


def test_a_learner_of_another_kind_has_no_interventions():
    moving = innerloop.learner("ridge").moving_roles
    assert asked("all", BLOCKS, moving=moving, learned=False) == []


def test_a_head_of_zeros_does_not_know_the_order_of_classes(tmp_path: Path):
    model = probed.model(tmp_path, method("maml", step_size=STEP), dtype=torch.float64)
    first = changed(model)
    assert not torch.equal(first.accuracies("labels_permuted"), first.accuracies("everything"))
    for name in ("head.weight", "head.bias"):
        model.trained.kept[20].slow[name].zero_()
    found = changed(model)
    assert torch.allclose(found.accuracies("labels_permuted"), found.accuracies("everything"))


def test_prototypes_take_the_place_of_the_head(tmp_path: Path):
    model = probed.model(tmp_path, method("maml", step_size=STEP))
    found, weights = changed(model), model.weights()
    tasks = found.tasks
    fast = adapt(
        model.network, weights.slow, model.method, tasks.support,
        steps=3, step_sizes=weights.state["step_sizes"],
    ).fast  # fmt: skip
    slow = {name: value.expand(COUNT, *value.shape) for name, value in weights.slow.items()}
    for name, used in (("prototypes", fast), ("prototypes_of_slow", slow)):
        support, query = (
            model.network.features(used, part.images) for part in (tasks.support, tasks.query)
        )
        centres = prototypes(support, tasks.support.labels, 3)
        nearest = cosine_similarities(query, centres).argmax(dim=2)
        hits = (nearest == tasks.query.labels).double().mean(dim=1)
        assert torch.equal(found.accuracies(name), hits)


def test_another_task_of_the_same_classes_has_other_images():
    tasks = tiny.tasks("test")
    on = tasks.source.draw(range(20), tasks.size)
    other = of_same_classes(tasks.source, on)
    assert np.array_equal(other.classes, on.classes)
    firsts = tasks.source.split.firsts[on.classes][..., None]
    counts = tasks.source.split.counts[on.classes][..., None]
    assert ((other.support >= firsts) & (other.support < firsts + counts)).all()
    own = np.concatenate([on.support, on.query], axis=2)
    assert not (other.support[..., None] == own[..., None, :]).any()
    assert len(np.unique(other.support)) > 20
    one = of_same_classes(tasks.source, on[7:8])
    assert np.array_equal(one.support, other.support[7:8])


def test_classes_need_images_for_another_task():
    tasks = tiny.tasks("test", shot=4, queries=6)
    with pytest.raises(DataError, match=r"has 2 images beside .* needs 4\. Set which: default"):
        of_same_classes(tasks.source, tasks.source.draw(range(1), tasks.size))


def test_other_tasks_adapt_to_other_images(tmp_path: Path):
    model = probed.model(tmp_path, method("maml", step_size=STEP))
    found = changed(model)
    kinds = ("another_task", "another_task_of_same_classes", "another_task_of_other_classes")
    tasks = [found._other_tasks(kind) for kind in kinds]
    for kind, other in zip(kinds, tasks, strict=True):
        weights = model.weights()
        fast = adapt(
            model.network, weights.slow, model.method, other.support,
            steps=3, step_sizes=weights.state["step_sizes"],
        ).fast  # fmt: skip
        logits = model.network(fast, found.tasks.query.images)
        hits = (logits.argmax(dim=2) == found.tasks.query.labels).double().mean(dim=1)
        assert torch.equal(found.accuracies(kind), hits)
    assert np.array_equal(tasks[1].episodes.classes, found.tasks.episodes.classes)
    off = model.tasks(tiny.DATASET, purpose="off-task").batch(range(COUNT))
    assert np.array_equal(tasks[0].episodes.support, off.episodes.support)


@pytest.mark.parametrize(
    ("chosen", "which", "count"),
    [
        (method("maml"), "default", 11),
        (method("maml"), "all", 31),
        (method("meta_sgd"), "default", 12),
        (method("meta_sgd"), "all", 38),
    ],
)
def test_rows_fill_the_declared_table(tmp_path: Path, chosen: Method, which: str, count: int):
    options: dict[str, Any] = {"tasks": 2, "which": which}
    rows = list(interventions(probed.model(tmp_path, chosen, options, test_steps=1)))
    table = conform(({**probed.MODEL_COLUMNS, **row} for row in rows), "interventions")
    assert table.num_rows == 2 * count
    assert all(len(values) == 2 for values in by_name(rows).values())
    assert set(table.column("episode").to_pylist()) == {0, 1}
    assert set(table.column("checkpoint").to_pylist()) == {"last"}


def test_over_training(tmp_path: Path):
    options = {"tasks": 3, "over_training": [tiny.DATASET], "training_tasks": 2}
    chosen = method("maml", step_size=STEP)
    model = probed.model(tmp_path, chosen, options, datasets=("elsewhere", tiny.DATASET))
    rows = list(interventions(model))
    named = [row for row in rows if row["checkpoint"] == "named"]
    assert {row["eval_dataset"] for row in named} == {tiny.DATASET}
    assert {row["iteration"] for row in named} == {0, 10, 20}
    assert len(named) == 3 * 4 * 2
    last = by_name([row for row in named if row["iteration"] == 20])
    whole = by_name([row for row in rows if row not in named])
    for which, values in last.items():
        assert whole[which][:2] == values
    first = by_name([row for row in named if row["iteration"] == 0])
    assert first != last


def test_a_task_that_diverges_is_missing(tmp_path: Path):
    model = probed.model(tmp_path, method("maml", step_size=1e30), {"tasks": 2})
    found = by_name(list(interventions(model)))
    assert all(np.isnan(found["everything", ""]))
    assert not np.isnan(found["nothing", ""]).any()
