"""Evaluation: one result a task, in order, whatever the batch."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

import innerloop
import tiny
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.losses import task_accuracies
from innerloop.networks.parameters import bounded, with_task_axis
from innerloop.runtime.errors import CheckpointError, InputError
from innerloop.training.evaluation import evaluate, query_results
from innerloop.training.model_file import TrainedModel, Weights

STEPS = 2


def test_does_not_depend_on_how_many_tasks_go_together():
    learner = GradientLearner(method("maml", step_size=0.1), STEPS)
    state = learner.init(tiny.NETWORK, 0)
    tasks = tiny.tasks("val")
    one, some, all_of_them = (
        query_results(tiny.NETWORK, learner, state, tasks.batches(5, at_once), STEPS)
        for at_once in (1, 2, 5)
    )
    assert one.losses.shape == one.accuracies.shape == (5,)
    for other in (some, all_of_them):
        torch.testing.assert_close(other.losses, one.losses, rtol=1e-4, atol=1e-5)
        assert torch.equal(other.accuracies, one.accuracies)


def test_accuracy_is_the_share_of_query_images_whose_own_class_scores_highest():
    """A head without weights gives every image the class of its largest bias."""
    slow = tiny.NETWORK.initial(0)
    slow["head.weight"].zero_()
    slow["head.bias"][1] = 5.0
    batch = tiny.tasks("val").batch(range(2))
    learner = GradientLearner(method("maml"), STEPS)
    state = {**learner.init(tiny.NETWORK, 0), "slow": slow}
    result = query_results(tiny.NETWORK, learner, state, [batch], steps=0)
    assert result.accuracies.tolist() == pytest.approx([1 / 3, 1 / 3])
    probability = torch.tensor([0.0, 5.0, 0.0]).log_softmax(0)
    torch.testing.assert_close(result.losses, -probability.mean().expand(2))


@pytest.mark.parametrize("batch_norm", ["batch", "support"])
@pytest.mark.parametrize(
    ("name", "adapt_batch_norm"), [("maml", True), ("scaled_lr", True), ("boil", False)]
)
def test_a_diverged_task_has_no_accuracy(name: str, adapt_batch_norm: bool, batch_norm: str):
    """Also where BatchNorm makes finite numbers of infinite ones: BOIL's loss is log 3 there."""
    network = tiny.NETWORK.with_options(normalisation=batch_norm)
    chosen = method(name, step_size=1e30, adapt_batch_norm=adapt_batch_norm)
    learner = GradientLearner(chosen, STEPS)
    state = learner.init(network, 0)
    result = query_results(network, learner, state, tiny.tasks("val").batches(3, 2), STEPS)
    assert result.accuracies.isnan().all()
    assert result.losses.isnan().all()


@pytest.mark.parametrize("value", [1e30, math.nan, math.inf])
def test_one_diverged_task_takes_no_other_with_it(value: float):
    fast = with_task_axis({"one": torch.ones(2, 2), "two": torch.ones(3)}, 3)
    fast["two"] = fast["two"].clone()
    fast["two"][1, 0] = value
    assert bounded(fast).tolist() == [True, False, True]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers_have_no_highest(value: float):
    scores = torch.eye(3).repeat(2, 1, 1)
    scores[1, 2, 1] = value
    found = task_accuracies(scores, torch.arange(3).expand(2, 3))
    assert found[0] == 1
    assert found[1].isnan()


def trained(how: Any) -> TrainedModel:
    """A model that is kept at its start, and at iteration 5 of other weights."""
    spec = replace(tiny.TRAINING, learner=how)
    model = TrainedModel(tiny.NETWORK, spec, {}, best=0, last=5)
    for number in (0, 5):
        model.kept[number] = Weights(number, model.learner.init(tiny.NETWORK, seed=number))
    return model


@pytest.mark.parametrize("how", [tiny.METHOD, innerloop.learner("ridge")], ids=["maml", "ridge"])
def test_a_trained_model_s_accuracies_are_those_of_its_weights_in_the_tasks_order(how: Any):
    model, tasks = trained(how), tiny.tasks("test", queries=6)
    assert torch.equal(
        evaluate(model, tasks.batches(6, at_once=4)), evaluate(model, tasks.batch(range(6)))
    )
    for checkpoint, number in (("best", 0), ("last", 5)):
        expected = query_results(
            model.network, model.learner, model.kept[number].state, [tasks.batch(range(6))], 3
        ).accuracies
        assert torch.equal(
            evaluate(model, tasks.batch(range(6)), steps=3, checkpoint=checkpoint), expected
        )


def test_a_model_takes_its_test_steps_unless_others_are_asked_for():
    model, batch = trained(tiny.METHOD), tiny.tasks("test").batch(range(8))
    schedule = replace(model.spec.schedule, train_steps=1, test_steps=5)
    model = replace(model, spec=replace(model.spec, schedule=schedule))
    assert torch.equal(evaluate(model, batch), evaluate(model, batch, steps=5))
    assert not torch.equal(evaluate(model, batch), evaluate(model, batch, steps=0))


def test_only_a_learner_whose_head_is_not_used_answers_for_another_way():
    four = replace(tiny.tasks("test"), size=replace(tiny.tasks().size, way=4)).batch(range(2))
    assert evaluate(trained(innerloop.learner("prototypes")), four).shape == (2,)
    with pytest.raises(InputError, match=r"labels: 0 \.\.\. 3; expected .* its task of 3"):
        evaluate(trained(tiny.METHOD), four)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (tiny.tasks("test"), "tasks is a Tasks; expected a batch of tasks"),
        ([tiny.batch().support], "tasks is a Labelled; expected a batch of tasks"),
        ([], "there are no tasks to evaluate on"),
    ],
)
def test_what_is_no_tasks_is_refused(tasks: Any, message: str):
    with pytest.raises(InputError, match=message):
        evaluate(trained(tiny.METHOD), tasks)


def test_what_is_no_model_or_was_not_kept_is_refused():
    batch = tiny.tasks("test").batch(range(2))
    with pytest.raises(InputError, match=r"model is a Network; .*innerloop\.load"):
        evaluate(tiny.NETWORK, batch)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="iteration 3 were kept"):
        evaluate(trained(tiny.METHOD), batch, checkpoint=3)
