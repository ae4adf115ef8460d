"""Conv4: its size, its task axis, its statistics, its scale invariance (P1 eq. 1, 2, 10, 11)."""

import pytest
import torch

import innerloop
import tiny
from innerloop.learners.gradient_based.adapt import query_logits
from innerloop.learners.losses import task_losses
from innerloop.networks.network import Network
from innerloop.networks.options import BLOCKS, LAYERS
from innerloop.networks.parameters import Parameters, with_task_axis
from innerloop.runtime.errors import ConfigError

#: BatchNorm's epsilon breaks scale invariance by about epsilon / variance: keep it tiny.
NETWORK = tiny.NETWORK.with_options(eps=1e-14)
BATCH = tiny.batch(2)
SUPPORT = BATCH.support


def start() -> Parameters:
    return tiny.start(tiny.METHOD)[0]


def loss_of(slow: Parameters, network: Network = NETWORK) -> torch.Tensor:
    logits = network(with_task_axis(slow, len(SUPPORT)), SUPPORT.images)
    return task_losses(logits, SUPPORT.labels).sum()


def gradient_of(slow: Parameters, name: str) -> torch.Tensor:
    weight = slow[name].detach().requires_grad_()
    return torch.autograd.grad(loss_of({**slow, name: weight}), weight)[0]


def test_size_of_the_papers_network():
    parameters = innerloop.network().initial(0)
    assert sum(value.numel() for value in parameters.values()) == 121_093
    assert parameters["conv1.weight"].shape == (64, 3, 3, 3)
    assert parameters["conv4.weight"].shape == (64, 64, 3, 3)
    assert parameters["head.weight"].shape == (5, 1600)


@pytest.mark.parametrize("size", [16, 28, 32, 84])
def test_shapes_at_every_size(size: int):
    network = innerloop.network(way=4, filters=2, image_size=size)
    activations: dict[str, torch.Tensor] = {}
    weights = with_task_axis(network.initial(0), 3)
    logits = network(weights, torch.rand(3, 5, 3, size, size), activations=activations)
    assert logits.shape == (3, 5, 4)
    assert tuple(activations) == LAYERS
    for block, layer in enumerate(BLOCKS, start=1):
        assert activations[layer].shape == (3, 5, 2 * (size // 2**block) ** 2)
    assert torch.equal(activations["head"], logits)


def test_images_that_vanish_are_refused():
    with pytest.raises(ConfigError, match="image_size 15: Conv4 halves the image four times"):
        innerloop.network(image_size=15)


@pytest.mark.parametrize("name", ["normalisation", "initialisation"])
def test_unknown_choices_are_refused(name: str):
    with pytest.raises(ConfigError, match=f"{name} is 'other'; choose from"):
        innerloop.network(**{name: "other"})


def test_initial_weights_are_a_function_of_the_seed():
    first, again, other = (tiny.NETWORK.initial(seed) for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert not torch.equal(first["conv2.weight"], first["conv3.weight"])
    for block in BLOCKS:
        assert (first[f"{block}.bias"] == 0).all()
        assert (first[f"{block}.gamma"] == 1).all()
        assert (first[f"{block}.beta"] == 0).all()


def test_each_task_has_its_own_weights_and_images():
    first, second = start(), tiny.start(tiny.METHOD, seed=1)[0]
    both = {name: torch.stack([first[name], second[name]]) for name in first}
    together = NETWORK(both, SUPPORT.images)
    for number, slow in enumerate((first, second)):
        one = NETWORK(with_task_axis(slow, 1), SUPPORT.images[number : number + 1])
        torch.testing.assert_close(together[number], one[0], rtol=1e-12, atol=1e-12)


def test_statistics_are_those_of_the_pass_itself():
    weights = with_task_axis(start(), 2)
    network = NETWORK.with_options(normalisation="support")
    torch.testing.assert_close(
        network(weights, SUPPORT.images, support=SUPPORT.images), NETWORK(weights, SUPPORT.images)
    )


def test_batch_norm_of_the_batch_sees_other_query_images_and_that_of_the_support_does_not():
    weights, query = with_task_axis(start(), 2), BATCH.query.images

    def change(network: Network) -> float:
        """Of the first query image's logits when the other query images are left out."""
        all_of_them = query_logits(network, weights, SUPPORT.images, query)
        some = query_logits(network, weights, SUPPORT.images, query[:, :2])
        return float((all_of_them[:, 0] - some[:, 0]).abs().max())

    assert change(NETWORK) > 1e-2
    assert change(NETWORK.with_options(normalisation="support")) < 1e-12


@pytest.mark.parametrize("layer", BLOCKS)
@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_a_scaled_conv_weight_changes_nothing(layer: str, scale: float):
    """P1 eq. 1."""
    slow, name = start(), f"{layer}.weight"
    scaled = {**slow, name: scale * slow[name]}
    torch.testing.assert_close(loss_of(scaled), loss_of(slow), rtol=1e-9, atol=0)


@pytest.mark.parametrize("layer", BLOCKS)
@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_its_gradient_shrinks_by_the_scale(layer: str, scale: float):
    """P1 eq. 2."""
    slow, name = start(), f"{layer}.weight"
    scaled = gradient_of({**slow, name: scale * slow[name]}, name)
    torch.testing.assert_close(scaled, gradient_of(slow, name) / scale, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("layer", BLOCKS)
def test_its_gradient_is_orthogonal_to_it(layer: str):
    """P1 eq. 10 with k = 0, and its consequence for the norm of the weight, eq. 11."""
    slow, name, rate = start(), f"{layer}.weight", 0.3
    weight, gradient = slow[name], gradient_of(slow, name)
    cosine = (weight * gradient).sum() / (weight.norm() * gradient.norm())
    assert abs(cosine) < 1e-10
    moved = (weight - rate * gradient).square().sum()
    grown = weight.square().sum() + rate**2 * gradient.square().sum()
    torch.testing.assert_close(moved, grown, rtol=1e-10, atol=0)
    assert moved > weight.square().sum()


def test_the_head_is_not_scale_invariant():
    slow, name = start(), "head.weight"
    assert abs(loss_of({**slow, name: 10 * slow[name]}) - loss_of(slow)) > 1e-2
    gradient = gradient_of(slow, name)
    assert abs((slow[name] * gradient).sum()) > 1e-3 * slow[name].norm() * gradient.norm()


def test_epsilon_is_what_breaks_scale_invariance():
    slow, name = start(), "conv1.weight"
    network = NETWORK.with_options(eps=1e-2)
    scaled = {**slow, name: 0.1 * slow[name]}
    assert abs(loss_of(scaled, network) - loss_of(slow, network)) > 1e-4
