"""Meta-training: it learns, repeats itself, continues to the same bits, and notes divergence."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import tiny
from innerloop.data.tasks import TaskBatch, Tasks
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import METHODS, Method, method
from innerloop.learners.learner import QueryResult
from innerloop.networks.network import Network
from innerloop.networks.parameters import detached, role_of
from innerloop.runtime.errors import DivergenceError
from innerloop.training.checkpoint import Checkpoint
from innerloop.training.evaluation import query_results
from innerloop.training.model_file import TrainedModel, load, save
from innerloop.training.training import Training

SCHEDULE = replace(
    tiny.TRAINING.schedule,
    iterations=6,
    train_steps=2,
    test_steps=3,
    validation_every=2,
    checkpoints=(0, 3, 6),
    tasks_at_once=3,
)


def make(
    chosen: Method = tiny.METHOD,
    seed: int = 0,
    network: Network = tiny.NETWORK,
    **schedule: object,
) -> Training:
    planned = replace(SCHEDULE, **schedule)
    return Training(
        network,
        GradientLearner(chosen, planned.train_steps),
        planned,
        tiny.tasks("train", purpose=f"training, seed {seed}"),
        tiny.tasks("val", purpose="validation"),
        seed,
    )


def finish(training: Training) -> TrainedModel:
    for _ in training:
        pass
    assert isinstance(training.learner, GradientLearner)
    return training.model(replace(tiny.TRAINING, learner=training.learner.method))


def advance(steps: Iterator[object], count: int) -> None:
    for _ in range(count):
        next(steps)


def logs(training: Training) -> str:
    return repr((training.curves, training.dynamics, training.outer_steps))


def test_the_loss_falls_and_the_accuracy_rises():
    training = make(
        network=tiny.NETWORK.with_options(filters=16),
        iterations=40,
        meta_batch=4,
        outer_step_size=0.005,
        validation_every=20,
        validation_tasks=16,
        checkpoints=(),
    )
    finish(training)
    for split in ("train", "val"):
        rows = [row for row in training.curves if row["split"] == split]
        assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]
        assert rows[-1]["accuracy"] > rows[0]["accuracy"]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_repeats_itself_to_the_bit(name: str):
    first, second = (make(method(name)) for _ in range(2))
    assert finish(first).digest() == finish(second).digest()
    assert logs(first) == logs(second)
    assert finish(make(method(name), seed=1)).digest() != finish(first).digest()


@pytest.mark.parametrize("at", [1, 3, 5])
@pytest.mark.parametrize(("name", "rates"), [
    ("maml", {}), ("unit_norm", {"outer_schedule": "cosine"}),
    ("meta_sgd", {"outer_schedule": "halve_on_plateau", "outer_step_size_for_step_sizes": 0.1}),
])  # fmt: skip
def test_continuing_from_a_file_gives_the_same_bits(
    name: str, rates: dict[str, Any], at: int, tmp_path: Path
):
    whole = make(method(name), **rates)
    expected = finish(whole)

    stopped = make(method(name), **rates)
    advance(iter(stopped), at)
    Checkpoint(tmp_path, "fingerprint").save(stopped.state())

    continued = make(method(name), **rates)
    state = Checkpoint(tmp_path, "fingerprint").read()
    assert state is not None
    continued.restore(state)
    assert continued.iteration == at
    assert finish(continued).digest() == expected.digest()
    assert logs(continued) == logs(whole)


def steps_taken(training: Training) -> list[float]:
    """How far each outer step moved the head's weight, by Adam about the learning rate."""
    moved, weight = [], training.learned["slow"]["head.weight"]
    before = weight.detach().clone()
    for _ in training:
        moved.append(float((weight.detach() - before).abs().max()))
        before = weight.detach().clone()
    return moved


def test_along_a_cosine_to_nothing():
    constant, cosine = (
        steps_taken(make(iterations=8, outer_schedule=schedule, outer_step_size=1e-6))
        for schedule in ("constant", "cosine")
    )
    ratios = [step / other for step, other in zip(cosine, constant, strict=True)]
    expected = [(1 + math.cos(math.pi * number / 8)) / 2 for number in range(8)]
    assert ratios == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("stopped_at", [0, 5, 15])
def test_halved_where_validation_accuracy_does_not_rise(
    stopped_at: int, monkeypatch: pytest.MonkeyPatch
):
    accuracies = iter([0.5] * 11 + [0.6] + [0.4] * 9 + [0.5])
    monkeypatch.setattr(
        Training,
        "_validate",
        lambda _: QueryResult(torch.ones(1), torch.tensor([next(accuracies)])),
    )

    def rate(training: Training) -> float:
        return training._optimiser.param_groups[0]["lr"]

    started, continued = (
        make(iterations=21, validation_every=1, outer_schedule="halve_on_plateau") for _ in range(2)
    )
    rates = [rate(started)]
    rates += [rate(started) for _ in islice(started, stopped_at)]
    if stopped_at:
        continued.restore(started.state())
    rates += [rate(continued) for _ in continued]
    first = SCHEDULE.outer_step_size
    assert rates == [first] * 10 + [first / 2] * 11 + [first / 4]


def test_learned_step_sizes_may_have_a_rate_of_their_own():
    """The first of Adam's steps is the learning rate, whatever the gradient."""
    training = make(method("meta_sgd"), outer_step_size_for_step_sizes=0.2)
    before = {part: detached(values) for part, values in training.learned.items()}
    advance(iter(training), 1)
    for part, rate in {"slow": SCHEDULE.outer_step_size, "step_sizes": 0.2}.items():
        moved = training.learned[part]["head.weight"].detach() - before[part]["head.weight"]
        assert float(moved.abs().max()) == pytest.approx(rate, rel=0.01)


def test_continuing_on_a_device_brings_its_losses_there():
    """They are joined with those of the next steps, which are on the device."""
    stopped = make(method("maml"))
    advance(iter(stopped), 1)
    continued = make(method("maml"))
    continued._train_tasks = SimpleNamespace(device=torch.device("meta"))
    continued.restore(stopped.state())
    (since_log,) = continued._since_log
    assert {since_log.losses.device.type, since_log.accuracies.device.type} == {"meta"}


def test_a_state_of_another_device_is_continued_by_this_one_s_optimiser():
    """A GPU's steps are fused, and their bits are others."""
    stopped = make(method("maml"))
    advance(iter(stopped), 3)
    state, expected = stopped.state(), finish(stopped)
    state["optimiser"]["param_groups"][0]["fused"] = True
    continued = make(method("maml"))
    continued.restore(state)
    assert finish(continued).digest() == expected.digest()


def test_a_state_is_a_snapshot():
    """What is trained later must not leak into it."""
    training = make(method("meta_sgd"))
    steps = iter(training)
    advance(steps, 3)
    state = training.state()
    expected = finish(training)
    continued = make(method("meta_sgd"))
    continued.restore(state)
    assert finish(continued).digest() == expected.digest()
    assert logs(continued) == logs(training)


def test_every_outer_step_trains_on_the_next_tasks(monkeypatch):
    training, drawn = make(), []
    batch = Tasks.batch

    def spy(tasks: Tasks, indices: range) -> TaskBatch:
        if tasks.source.purpose.startswith("training"):
            drawn.extend(indices)
        return batch(tasks, indices)

    monkeypatch.setattr(Tasks, "batch", spy)
    finish(training)
    assert drawn == list(range(6 * 2))


def test_curves_say_what_was_measured_when():
    training = make()
    finish(training)
    iterations = {
        split: [row["iteration"] for row in training.curves if row["split"] == split]
        for split in ("val", "train")
    }
    assert iterations == {"val": [0, 2, 3, 4, 6], "train": [2, 3, 4, 6]}
    tasks = {row["iteration"]: row["tasks"] for row in training.curves if row["split"] == "train"}
    assert tasks == {2: 4, 3: 2, 4: 2, 6: 4}
    assert {row["tasks"] for row in training.curves if row["split"] == "val"} == {4}


def test_validation_rows_are_the_evaluation_of_the_kept_weights():
    training = make(method("meta_sgd"))
    model = finish(training)
    for iteration in (0, 3, 6):
        weights = model.at(iteration)
        result = query_results(
            model.network, model.learner, weights.state,
            tiny.tasks("val", purpose="validation").batches(4, 4), SCHEDULE.test_steps,
        )  # fmt: skip
        (row,) = (
            row for row in training.curves if (row["split"], row["iteration"]) == ("val", iteration)
        )
        assert row["accuracy"] == float(result.accuracies.mean())
        assert row["loss"] == pytest.approx(float(result.losses.double().mean()), rel=1e-5)


def test_dynamics_follow_norms_and_step_sizes():
    training = make(method("meta_sgd", step_size=0.1))
    model = finish(training)
    rows = {(row["iteration"], row["layer"], row["parameter"]): row for row in training.dynamics}
    assert {key[0] for key in rows} == {0, 2, 3, 4, 6}
    first, last = rows[0, "conv2", "weight"], rows[6, "conv2", "weight"]
    assert first["mean"] == pytest.approx(0.1)
    assert first["sd"] == pytest.approx(0, abs=1e-7)
    assert first["effective_step_size"] == pytest.approx(0.1 / first["norm"] ** 2, rel=1e-3)
    sizes = model.step_sizes["conv2.weight"].double()
    assert last["mean"] == pytest.approx(float(sizes.mean()))
    assert last["sd"] == pytest.approx(float(sizes.std()))
    assert last["share_negative"] == float((sizes < 0).double().mean())
    assert last["count"] == sizes.numel()
    assert last["norm"] == pytest.approx(float(model.slow["conv2.weight"].norm()))
    assert math.isnan(rows[6, "conv2", "gamma"]["effective_step_size"])


def test_outer_steps_are_split_into_what_lies_along_the_weight_and_across():
    """The two growths add up to that of the squared norm, which the logged norms have."""
    training = make(method("maml", step_size=0.1), validation_every=1)
    finish(training)
    norms = {
        (row["iteration"], row["layer"]): row["norm"]
        for row in training.dynamics
        if row["parameter"] == "weight"
    }
    assert {row["iteration"] for row in training.outer_steps} == set(range(1, 7))
    for row in training.outer_steps:
        now, layer = row["iteration"], row["layer"]
        grown = norms[now, layer] ** 2 / norms[now - 1, layer] ** 2 - 1
        assert row["radial_growth"] + row["tangential_growth"] == pytest.approx(grown, rel=1e-6)
        assert row["tangential_growth"] > 0


def test_by_gradient_descent_a_scale_invariant_weight_grows_across_alone():
    """P1, equation 11, of ANIL's body, whose norm no inner loop sees; by Adam it is not so.

    A step of gradient descent has the gradient's direction, so that its parts give the cosine.
    """
    found = {}
    for name in ("gradient descent", "Adam"):
        training = make(method("anil", step_size=0.1))
        if name != "Adam":
            leaves = training._optimiser.param_groups[0]["params"]
            training._optimiser = torch.optim.SGD(leaves, lr=1.0)
        finish(training)
        if name == "gradient descent":
            for row in training.outer_steps:
                along = math.sqrt(1 + row["radial_growth"]) - 1
                cosine = -along / math.sqrt(along**2 + row["tangential_growth"])
                assert row["gradient_cosine"] == pytest.approx(cosine, abs=1e-3)
            assert any(abs(row["gradient_cosine"]) > 0.02 for row in training.outer_steps)
        rows = [row for row in training.outer_steps if row["layer"] == "conv2"]
        assert max(abs(row["gradient_cosine"]) for row in rows) < 1e-2
        found[name] = max(abs(row["radial_growth"]) / row["tangential_growth"] for row in rows)
    assert found["gradient descent"] < 0.1 < found["Adam"]


def test_outer_steps_are_those_before_any_projection():
    training = make(method("unit_norm"))
    finish(training)
    rows = [row for row in training.outer_steps if row["layer"] != "head"]
    assert min(abs(row["radial_growth"] + row["tangential_growth"]) for row in rows) > 1e-6


def test_dynamics_of_what_does_not_adapt():
    training = make(method("anil"))
    finish(training)
    for row in training.dynamics:
        if row["layer"] != "head":
            assert (row["mean"], row["sd"], row["share_negative"]) == (0, 0, 0)
            if row["parameter"] == "weight":
                assert row["effective_step_size"] == 0


@pytest.mark.parametrize("norm", ["tensor", "filter"])
def test_unit_norm_holds_from_the_start_and_after_every_outer_step(norm: str):
    training = make(method("unit_norm", rule_options={"norm": norm}))

    def check() -> None:
        for name, weight in training.learned["slow"].items():
            if role_of(name) == "conv_weight":
                norms = weight.flatten(1).norm(dim=1) if norm == "filter" else weight.norm()
                torch.testing.assert_close(norms, torch.ones_like(norms))

    check()
    before = training.learned["slow"]["conv2.weight"].detach().clone()
    for _ in training:
        check()
    assert not torch.allclose(before, training.learned["slow"]["conv2.weight"])


@pytest.mark.parametrize(
    "values",
    [
        {"learn_step_size": "layer"},
        {"learn_step_size": "step_and_layer"},
        {"learn_step_size": "step_and_layer", "step_size": 0.0, "step_size_lower_bound": 0.0},
    ],
)
def test_step_sizes_of_layers_and_steps_are_learned_kept_and_continued(
    values: dict[str, Any], tmp_path: Path
):
    chosen, at = method("maml", **values), 3
    whole = make(chosen)
    expected = finish(whole)
    assert {size.shape for size in expected.step_sizes.values()} == {
        () if values["learn_step_size"] == "layer" else (SCHEDULE.train_steps,)
    }
    save(expected, tmp_path / "model.pt")
    assert load(tmp_path / "model.pt").digest() == expected.digest()

    stopped, continued = make(chosen), make(chosen)
    advance(iter(stopped), at)
    continued.restore(stopped.state())
    assert finish(continued).digest() == expected.digest()
    assert logs(continued) == logs(whole)


def test_a_lower_bound_holds_for_every_kept_step_size_and_its_numbers_go_on_below_it():
    start = {"step_size": 0.001, "learn_step_size": True}
    plain, still, held = (
        make(method("maml", **start, step_size_lower_bound=bound)) for bound in (None, -1e9, 0.0)
    )
    free = finish(plain)
    far_below = replace(finish(still), spec=free.spec)
    assert far_below.digest() == free.digest()
    model = finish(held)
    taken = [held.learner.step_sizes(one.state) for one in model.kept.values()]
    assert min(float(size.min()) for one in taken for size in one.values()) == 0
    for training in (held, plain):
        sizes = training.learned["step_sizes"].values()
        assert min(float(size.detach().min()) for size in sizes) < 0


def test_only_meta_sgd_learns_its_step_sizes():
    for name in ("maml", "meta_sgd"):
        training = make(method(name))
        before = training.learned["step_sizes"]["conv1.weight"].detach().clone()
        finish(training)
        same = torch.equal(before, training.learned["step_sizes"]["conv1.weight"].detach())
        assert same == (name == "maml")


def test_an_untrained_model():
    training = make(iterations=0, checkpoints=(0,))
    model = finish(training)
    assert (model.best, model.last, list(model.kept)) == (0, 0, [0])
    for name, weight in tiny.NETWORK.initial(0).items():
        assert torch.equal(model.slow[name], weight)
    assert [row["split"] for row in training.curves] == ["val"]


def planned(monkeypatch: pytest.MonkeyPatch, accuracies: dict[int, float]) -> Training:
    """A training whose validations find the given accuracies."""
    training = make(validation_every=1)

    def validate() -> QueryResult:
        found = torch.full((4,), accuracies[training.iteration], dtype=torch.float64)
        return QueryResult(torch.ones(4), found)

    monkeypatch.setattr(training, "_validate", validate)
    return training


def test_the_best_checkpoint_is_the_first_with_the_highest_validation_accuracy(monkeypatch):
    accuracies = {0: 0.2, 1: 0.5, 2: 0.4, 3: 0.6, 4: 0.8, 5: 0.8, 6: 0.7}
    model = finish(planned(monkeypatch, accuracies))
    assert (model.best, model.last) == (4, 6)
    assert sorted(model.kept) == [0, 3, 4, 6]
    reference = make(validation_every=1)
    advance(iter(reference), 4)
    best = model.at("best").slow["conv1.weight"]
    assert torch.equal(best, reference.learned["slow"]["conv1.weight"])
    assert not torch.equal(best, model.slow["conv1.weight"])


def test_the_initial_weights_may_be_the_best(monkeypatch):
    model = finish(planned(monkeypatch, {0: 0.5, **dict.fromkeys(range(1, 7), 0.4)}))
    assert (model.best, sorted(model.kept)) == (0, [0, 3, 6])


def test_divergence_is_an_error_that_names_method_and_iteration():
    training = make(method("maml", step_size=1e30))
    with pytest.raises(DivergenceError, match=r"MAML: the loss is .* at outer iteration 0\."):
        finish(training)
    later = make(outer_step_size=1e20)
    with pytest.raises(DivergenceError, match=r"at outer iteration [1-6]\..*\(1e\+20\)"):
        finish(later)


def test_divergence_in_the_very_last_step_is_an_error_too():
    """The loss was fine, but what the step left is no model."""
    with pytest.raises(DivergenceError, match=r"the loss is .* at outer iteration 1\."):
        finish(make(iterations=1, checkpoints=(0, 1), outer_step_size=1e30))


def test_no_checkpoint_holds_what_diverged():
    training = make(method("maml", step_size=1e30), iterations=6)
    training._since_log.append(training._outer_step())
    with pytest.raises(DivergenceError):
        training.state()
