"""Step sizes: scalars, or one per parameter where they are learned."""

import torch

from innerloop.inner_loop.methods import method
from innerloop.inner_loop.step_sizes import initial_step_sizes
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
