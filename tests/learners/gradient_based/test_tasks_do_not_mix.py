"""A task's result does not depend on the tasks beside it, whatever the update rule."""

from pathlib import Path

import pytest
import torch

import tiny
from innerloop.learners.gradient_based.adapt import adapt
from innerloop.learners.gradient_based.methods import METHODS, Method, method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.gradient_based.update_rules.rule import update_rule

USER_FILE = Path(__file__).with_name("norm_step_rule.py")
USERS = {
    "user": Method("user", update_rule=f"{USER_FILE}:norm_step", step_size=0.2),
    "user_with_option": Method(
        "user", update_rule=f"{USER_FILE}:norm_step", rule_options={"power": 2.0}
    ),
    "user_with_state": Method(
        "user", update_rule=f"{USER_FILE.with_name('stateful_rules.py')}:by_length", step_size=0.2
    ),
    "undeclared": Method("user", update_rule=f"{USER_FILE}:plain_function", step_size=0.2),
}
ALL = {**{name: method(name, step_size=0.1) for name in METHODS}, **USERS}


@pytest.mark.parametrize("name", ALL)
def test_each_task_alone_gives_the_same(name: str):
    chosen = ALL[name]
    slow, sizes = tiny.start(chosen, requires_grad=True)
    batch = tiny.batch(3)

    def run(tasks):
        return adapt(
            tiny.NETWORK, slow, chosen, tasks.support,
            steps=2, step_sizes=sizes, differentiable=True,
        )  # fmt: skip

    together = run(batch)
    for number in range(len(batch)):
        single = run(tiny.alone(batch, number))
        for parameter, weight in single.fast.items():
            torch.testing.assert_close(
                together.fast[parameter][number], weight[0], rtol=1e-12, atol=1e-12
            )
    # and only its own support images have a gradient with respect to its weights
    images = batch.support.images.requires_grad_()
    first = sum(weight[0].sum() for weight in run(batch).fast.values())
    (gradient,) = torch.autograd.grad(first, images)
    assert gradient[0].abs().max() > 0
    assert gradient[1:].abs().max() == 0


def test_a_rule_sees_one_tensor_of_one_task():
    shapes = []

    @update_rule("conv_weight")
    def spy(weight, gradient, step_size):
        shapes.append((tuple(weight.shape), tuple(gradient.shape), tuple(step_size.shape)))
        return weight - step_size * gradient

    weight = torch.randn(5, 4, 3, 3, 3)
    spy("conv_weight", weight, weight, torch.tensor(0.1))
    spy("conv_weight", weight, weight, torch.ones(4, 3, 3, 3))
    assert shapes == [
        ((4, 3, 3, 3), (4, 3, 3, 3), ()),
        ((4, 3, 3, 3), (4, 3, 3, 3), (4, 3, 3, 3)),
    ]


def test_roles_that_a_rule_is_not_for_take_the_plain_step():
    rule = rule_of(USERS["user"])
    weight, gradient = torch.randn(2, 2, 4, dtype=torch.float64)
    rate = torch.tensor(0.5, dtype=torch.float64)
    for role in ("norm", "conv_bias"):
        torch.testing.assert_close(rule(role, weight, gradient, rate), weight - 0.5 * gradient)
    for role in ("conv_weight", "head"):
        assert not torch.allclose(rule(role, weight, gradient, rate), weight - 0.5 * gradient)


def test_options_of_the_method_reach_the_rule():
    weight, gradient = torch.randn(2, 1, 4, 3, 3, 3, dtype=torch.float64)
    rate = torch.tensor(0.5, dtype=torch.float64)
    once, twice = (rule_of(USERS[name]) for name in ("user", "user_with_option"))
    step = weight - once("conv_weight", weight, gradient, rate)
    torch.testing.assert_close(
        weight - twice("conv_weight", weight, gradient, rate), step * weight.norm()
    )
