"""Losses, gradients and Hessian products of a batch of tasks against plain autograd, in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import innerloop
from innerloop.engine.analytic.conv4 import BatchConv4
from innerloop.engine.analytic.losses import TaskLosses
from innerloop.networks.parameters import Parameters
from oracle import Oracle

TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}


def made(
    seed: int, tasks: int = 2, each: int = 4, size: int = 16, filters: int = 3, way: int = 3
) -> tuple[TaskLosses, Parameters]:
    """Random tasks and weights; about half of the gammas are negative."""
    network = innerloop.network(way=way, filters=filters, image_size=size)
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    parameters = {
        name: (0.5 * normal(tasks, *value.shape)).requires_grad_()
        for name, value in network.initial(seed).items()
    }
    images = torch.rand((tasks, each, 3, size, size), generator=random, dtype=torch.float64)
    labels = torch.randint(way, (tasks, each), generator=random)
    return TaskLosses(BatchConv4(way, 1e-5), images.requires_grad_(), labels, 0.3), parameters


def plain(tasks: TaskLosses, parameters: Parameters) -> torch.Tensor:
    """The losses of the oracle's network, one task after the other."""
    found = []
    for number, labels in enumerate(tasks.labels):
        weights = {name: value[number] for name, value in parameters.items()}
        logits = Oracle().forward(weights, tasks.images[number], [])
        found.append(tasks.scale * F.cross_entropy(logits, labels, reduction="sum"))
    return torch.stack(found)


def derivative(of: torch.Tensor, tasks: TaskLosses, by: Parameters) -> list[torch.Tensor]:
    return list(
        torch.autograd.grad(
            of, [*by.values(), tasks.images], retain_graph=True, materialize_grads=True
        )
    )


SHAPES = {
    "tasks": st.integers(1, 3),
    "each": st.integers(2, 5),
    "size": st.sampled_from([16, 17, 28]),
    "filters": st.integers(1, 4),
    "way": st.integers(2, 5),
}


@given(seed=st.integers(0, 10**6), **SHAPES)
@settings(max_examples=30, deadline=None)
def test_losses_and_their_gradient(seed: int, **shape: int) -> None:
    tasks, parameters = made(seed, **shape)
    losses, logits = tasks.losses(parameters)
    expected = plain(tasks, parameters)
    torch.testing.assert_close(losses, expected, **TOLERANCE)
    assert logits.shape == (shape["tasks"], shape["each"], shape["way"])
    weights = torch.arange(1.0, 1.0 + shape["tasks"], dtype=torch.float64)
    torch.testing.assert_close(
        derivative(losses @ weights, tasks, parameters),
        derivative(expected @ weights, tasks, parameters),
        **TOLERANCE,
    )


@given(seed=st.integers(0, 10**6), keep=st.booleans(), some=st.booleans(), **SHAPES)
@settings(max_examples=30, deadline=None)
def test_gradients_and_the_hessian(seed: int, keep: bool, some: bool, **shape: int) -> None:
    tasks, parameters = made(seed, **shape)
    names = [name for name in parameters if not some or name.startswith(("conv2", "head"))]
    losses, found = tasks.gradients(parameters, names, keep_activations=keep)
    expected = torch.autograd.grad(
        plain(tasks, parameters).sum(), [parameters[name] for name in names], create_graph=True
    )
    assert not losses.requires_grad
    torch.testing.assert_close(losses, plain(tasks, parameters).detach(), **TOLERANCE)
    torch.testing.assert_close(list(found.values()), list(expected), **TOLERANCE)
    along = [torch.randn(value.shape, dtype=torch.float64) for value in expected]

    def product(gradients: list[torch.Tensor]) -> torch.Tensor:
        return sum((a * b).sum() for a, b in zip(gradients, along, strict=True))

    torch.testing.assert_close(
        derivative(product(list(found.values())), tasks, parameters),
        derivative(product(list(expected)), tasks, parameters),
        **TOLERANCE,
    )


def test_groups_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, parameters = made(0, tasks=5)
    results = []
    for images in (4, 8, 1000):
        monkeypatch.setattr("innerloop.engine.losses.IMAGES_OF_A_GROUP", images)
        _, gradients = tasks.gradients(parameters, list(parameters))
        total = sum(value.square().sum() for value in gradients.values())
        losses, logits = tasks.losses(parameters)
        results.append([losses, logits, *derivative(total + losses.sum(), tasks, parameters)])
    assert [len(tasks.groups()), results[0][0].shape] == [1, (5,)]
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, **TOLERANCE)


def test_kept_activations_give_the_same_bits() -> None:
    tasks, parameters = made(1)
    found = []
    for keep in (True, False):
        _, gradients = tasks.gradients(parameters, list(parameters), keep_activations=keep)
        total = sum(value.square().sum() for value in gradients.values())
        found.append(derivative(total, tasks, parameters))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_third_derivative_is_refused_not_wrong() -> None:
    tasks, parameters = made(2)
    _, gradients = tasks.gradients(parameters, list(parameters))
    total = sum(value.square().sum() for value in gradients.values())
    second = torch.autograd.grad(
        total, parameters["conv1.weight"], create_graph=True, allow_unused=True
    )[0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        second.sum().backward()


def test_a_gamma_of_zero_is_no_division_by_zero() -> None:
    tasks, parameters = made(3)
    parameters["conv2.gamma"].data.zero_()
    _, gradients = tasks.gradients(parameters, list(parameters))
    total = sum(value.square().sum() for value in gradients.values())
    assert all(value.isfinite().all() for value in derivative(total, tasks, parameters))


def test_memory_between_inner_steps_is_that_of_weights() -> None:
    """What autograd keeps of a step is parameters, whatever the images need."""
    tasks, parameters = made(4, each=12, size=28, filters=8)
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        if tensor.data_ptr() != tasks.images.data_ptr():
            kept += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        tasks.gradients(parameters, list(parameters))
    assert kept == sum(value.numel() for value in parameters.values())
