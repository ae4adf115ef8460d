"""Initial weights: the variances that decide what a norm-scaled step multiplies."""

import pytest
import torch

import innerloop
from innerloop.networks.initialisation import initial_weight


@pytest.mark.parametrize(
    ("initialisation", "conv1", "others"),
    [("glorot", 5.7, 64), ("torch", 21.3, 21.3), ("kaiming", 128, 128)],
)
def test_squared_norms_of_the_papers_network(initialisation: str, conv1: float, others: float):
    """The numbers that protocol.md quotes."""
    parameters = innerloop.network(initialisation=initialisation).initial(0)
    for layer in ("conv1", "conv2", "conv3", "conv4"):
        expected = conv1 if layer == "conv1" else others
        assert parameters[f"{layer}.weight"].square().sum().item() == pytest.approx(
            expected, rel=0.1 if layer == "conv1" else 0.03
        )


@pytest.mark.parametrize(("initialisation", "bound"), [("glorot", 0.1), ("torch", 0.05)])
def test_bounds(initialisation: str, bound: float):
    weight = initial_weight((200, 400), initialisation, torch.Generator().manual_seed(0))
    assert weight.dtype == torch.float64
    assert weight.abs().max() == pytest.approx(bound, rel=1e-3)
    assert abs(weight.mean()) < bound / 50
