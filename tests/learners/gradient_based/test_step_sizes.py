"""Step sizes: scalars, or one per parameter where they are learned."""

import pytest
import torch

from innerloop.learners.gradient_based.adapt import initial_step_sizes
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import method
from tiny import NETWORK

SLOW = NETWORK.initial(0)


def test_scalars_where_they_are_not_learned():
    sizes = initial_step_sizes(method("maml_3x", step_size=0.01), SLOW, seed=0)
    assert sizes.keys() == SLOW.keys()
    for size in sizes.values():
        torch.testing.assert_close(size, torch.tensor(0.03))


def test_only_of_what_adapts():
    sizes = initial_step_sizes(method("anil"), SLOW, seed=0)
    assert sizes.keys() == {"head.weight", "head.bias"}


def test_one_per_parameter_where_they_are_learned():
    sizes = initial_step_sizes(method("meta_sgd", step_size=0.01), SLOW, seed=0)
    for name, size in sizes.items():
        assert size.shape == SLOW[name].shape
        assert size.dtype == SLOW[name].dtype
        torch.testing.assert_close(size, torch.full_like(size, 0.01), rtol=0, atol=0)


@pytest.mark.parametrize(("learned", "shape"), [("layer", ()), ("step_and_layer", (5,))])
def test_one_per_tensor_or_one_per_step_and_tensor(learned: str, shape: tuple[int, ...]):
    chosen = method("maml", step_size=[0.1, 0.2], learn_step_size=learned)
    sizes = initial_step_sizes(chosen, SLOW, seed=0, steps=5)
    assert {size.shape for size in sizes.values()} == {shape}
    values = torch.stack(list(sizes.values()))
    assert 0.1 <= values.min() < values.max() <= 0.2
    assert len(values.unique()) == values.numel()


def test_a_lower_bound_holds_and_lets_the_derivative_through():
    chosen = method("meta_sgd", step_size=0.5, step_size_lower_bound=0.25)
    numbers = {"head.bias": torch.tensor([-3.0, 0.25, 0.1, 0.7], requires_grad=True)}
    found = GradientLearner(chosen, 1).step_sizes({"step_sizes": numbers})["head.bias"]
    assert found.tolist() == [0.25, 0.25, 0.25, torch.tensor(0.7).item()]
    (gradient,) = torch.autograd.grad((found * torch.arange(4.0)).sum(), numbers["head.bias"])
    assert gradient.tolist() == [0, 1, 2, 3]
    unbounded = GradientLearner(method("meta_sgd"), 1)
    assert unbounded.step_sizes({"step_sizes": numbers}) is numbers


def test_drawn_from_a_range_by_the_seed():
    chosen = method("meta_sgd", step_size=(0.005, 0.1))
    first, again, other = (initial_step_sizes(chosen, SLOW, seed) for seed in (1, 1, 2))
    values = torch.cat([size.flatten() for size in first.values()])
    assert 0.005 <= values.min() < 0.01
    assert 0.095 < values.max() <= 0.1
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert not torch.equal(first["conv1.gamma"], first["conv1.beta"])


def test_in_double_precision_they_are_not_rounded_to_single():
    slow = NETWORK.initial(0, torch.float64)
    sizes = initial_step_sizes(method("maml", step_size=0.1), slow, seed=0)
    assert sizes["conv1.weight"].item() == 0.1
