"""Learners without an inner loop: what their heads compute, and that they learn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

import innerloop
import tiny
from innerloop.learners.building import learner_of
from innerloop.learners.features import FeatureLearner
from innerloop.learners.learner import Learner, State
from innerloop.learners.options import LearnerOptions
from innerloop.learners.pretrained import Pretrained, logistic_regression
from innerloop.learners.prototypes import Prototypes
from innerloop.learners.ridge import Ridge
from innerloop.networks.network import Network
from innerloop.networks.options import HEAD
from innerloop.networks.parameters import layer_of
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.specs.train import Schedule
from innerloop.training.training import Training

SCHEDULE = Schedule(
    iterations=16, meta_batch=2, train_steps=1, test_steps=1, outer_step_size=0.02,
    validation_every=16, validation_tasks=20, checkpoints=(), tasks_at_once=10,
)  # fmt: skip
CHOSEN = [
    innerloop.learner("prototypes"),
    innerloop.learner("ridge"),
    innerloop.learner("pretrained"),
    innerloop.learner("pretrained", classifier="nearest_mean"),
]
LEARNERS = [learner_of(chosen, train_steps=1) for chosen in CHOSEN]


def training(learner: Learner) -> Training:
    tasks = (tiny.tasks(split, purpose=split) for split in ("train", "val"))
    return Training(tiny.NETWORK, learner, SCHEDULE, *tasks, seed=0)


def random(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


SUPPORT, QUERY = random((2, 6, 9), (2, 5, 9))
LABELS = torch.eye(3, dtype=torch.float64).repeat(2, 2, 1)


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_it_learns_repeats_itself_and_continues_to_the_same_bits(learner: Learner) -> None:
    whole, stopped, continued = (training(learner) for _ in range(3))
    losses = [float(figures["loss"]) for figures in whole]
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])
    assert all(math.isnan(row["effective_step_size"]) for row in whole.dynamics)
    steps = iter(stopped)
    for _ in range(5):
        next(steps)
    continued.restore(stopped.state())
    for _ in continued:
        pass
    expected, found = (done.model(tiny.TRAINING) for done in (whole, continued))
    assert found.digest() == expected.digest()


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
def test_every_weight_but_an_unused_head_is_trained(learner: Learner) -> None:
    done = training(learner)
    start = {part: dict(values) for part, values in learner.init(done.network, 0).items()}
    for _ in done:
        pass
    for part, values in done.learned.items():
        for name, value in values.items():
            stays = layer_of(name) == HEAD and learner.batch == "episodes"
            # BatchNorm takes a conv bias away again
            if not name.startswith("conv") or not name.endswith("bias"):
                assert torch.equal(value, start[part][name]) == stays, name


def test_nearest_is_the_class_whose_mean_is() -> None:
    scores = Prototypes().scores(SUPPORT, LABELS, QUERY, {})
    for task in range(2):
        means = torch.stack([SUPPORT[task, number::3].mean(dim=0) for number in range(3)])
        expected = -torch.cdist(QUERY[task], means).square()
        torch.testing.assert_close(scores[task], expected)


def test_ridge_is_least_squares_with_a_penalty() -> None:
    learned = {name: value.double() for name, value in Ridge(regulariser=0.3).learned().items()}
    penalty = 0.3 * torch.eye(9, dtype=torch.float64)
    weights = torch.linalg.solve(SUPPORT.mT @ SUPPORT + penalty, SUPPORT.mT @ LABELS)
    found = Ridge().scores(SUPPORT, LABELS, QUERY, learned)
    torch.testing.assert_close(found, QUERY @ weights, rtol=1e-6, atol=1e-6)


def test_logistic_regression_is_at_its_minimum() -> None:
    """Where the gradient is zero, and the objective is strictly convex."""
    support = torch.nn.functional.normalize(SUPPORT, dim=2)
    weights = logistic_regression(
        support, LABELS, torch.eye(9, dtype=torch.float64).expand(2, 9, 9)
    )
    weights = weights.detach().requires_grad_()
    log_probabilities = (support @ weights).log_softmax(dim=2)
    objective = weights.square().sum() / 2 - (LABELS * log_probabilities).sum()
    (gradient,) = torch.autograd.grad(objective, weights)
    assert float(gradient.abs().max()) < 1e-12


@pytest.mark.parametrize("chosen", CHOSEN, ids=repr)
def test_a_model_predicts_classes_of_a_task(chosen: LearnerOptions) -> None:
    done = training(learner_of(chosen, train_steps=1))
    for _ in done:
        pass
    task = tiny.tasks("test").batch(range(1))
    images, labels = task.support.images[0], task.support.labels[0]
    model = done.model(replace(tiny.TRAINING, learner=chosen))
    found = model.predict(images, labels, task.query.images[0])
    assert found.shape == (12, 3)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(12))


def test_a_learner_without_the_network_s_weights_is_refused() -> None:
    class Mine(FeatureLearner):
        def init(self, network: Network, seed: int) -> State:
            return {"weights": network.initial(seed)}

    with pytest.raises(ExtensionError, match="Mine: init returns weights"):
        training(Mine())


def test_an_unknown_classifier_is_refused() -> None:
    with pytest.raises(ConfigError, match="classifier is 'svm'; choose from linear, nearest_mean"):
        Pretrained(classifier="svm")  # type: ignore[arg-type]
