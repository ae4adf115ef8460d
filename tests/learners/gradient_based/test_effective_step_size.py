"""The step size that the unit-norm weight sees (P1 eq. 3, 5 and 7)."""

import pytest
import torch

from innerloop.learners.gradient_based.effective_step_size import effective_step_size
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.gradient_based.update_rules.rule import update_rule

STEP_SIZE = 0.02


def weight_of_norm(norm: float) -> torch.Tensor:
    weight = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    return weight * (norm / weight.norm())


def measured(chosen: Method, norm: float, layer: str = "conv2", step: float = STEP_SIZE) -> float:
    weight = weight_of_norm(norm)
    size = torch.full(weight.shape if chosen.learn_step_size else (), step, dtype=torch.float64)
    return effective_step_size(rule_of(chosen), f"{layer}.weight", weight, size)


@pytest.mark.parametrize("norm", [0.5, 1.0, 7.0])
@pytest.mark.parametrize("name", ["maml", "boil", "meta_sgd"])
def test_a_plain_step_is_divided_by_the_squared_norm(name: str, norm: float):
    assert measured(method(name), norm) == pytest.approx(STEP_SIZE / norm**2, rel=1e-9)


@pytest.mark.parametrize("norm", [0.5, 1.0, 7.0])
def test_scaled_lr_undoes_that(norm: float):
    assert measured(method("scaled_lr"), norm) == pytest.approx(STEP_SIZE, rel=1e-9)


def test_unit_norm_undoes_that():
    assert measured(method("unit_norm"), 1.0) == pytest.approx(STEP_SIZE, rel=1e-6)


def test_the_head_is_not_before_batch_norm():
    assert measured(method("maml"), 7.0, layer="head") == pytest.approx(STEP_SIZE, rel=1e-9)


def test_negative_step_sizes_stay_negative():
    assert measured(method("meta_sgd"), 2.0, step=-0.1) == pytest.approx(-0.1 / 4, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["meta_sgd", "scaled_lr", "unit_norm"])
def test_of_step_sizes_of_each_weight_it_is_their_mean_exactly(name: str, seed: int):
    """Of any spread and both signs; means near zero are where an estimate would be all noise."""
    generator = torch.Generator().manual_seed(seed)
    weight = weight_of_norm(1.0 if name == "unit_norm" else 3.0)
    sizes = torch.randn(weight.shape, generator=generator).double() * 0.03 - 0.002
    found = effective_step_size(rule_of(method(name)), "conv2.weight", weight, sizes)
    square = 9 if name == "meta_sgd" else 1
    assert found == pytest.approx(float(sizes.mean()) / square, rel=1e-6)


def test_any_rule_can_be_measured():
    half = update_rule("conv_weight")(lambda weight, gradient, size: weight - size * gradient / 2)
    weight, size = weight_of_norm(3.0), torch.tensor(STEP_SIZE).double()
    assert effective_step_size(half, "conv1.weight", weight, size) == pytest.approx(
        STEP_SIZE / 2 / 9, rel=1e-6
    )
