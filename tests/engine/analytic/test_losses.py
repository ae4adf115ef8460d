"""Losses, gradients and Hessian products of a batch of tasks against plain autograd, in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import innerloop
from innerloop.data.tasks import Labelled
from innerloop.engine.analytic.engine import Analytic
from innerloop.engine.losses import task_groups
from innerloop.networks.parameters import Parameters
from oracle import Oracle

TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}
SCALE = 0.3


def made(
    seed: int, tasks: int = 2, each: int = 4, size: int = 16, filters: int = 3, way: int = 3
) -> tuple[Analytic, Labelled, Parameters]:
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
    engine = Analytic(way, 1e-5, by_support=False)
    return engine, Labelled(images.requires_grad_(), labels), parameters


def plain(tasks: Labelled, parameters: Parameters) -> torch.Tensor:
    """The losses of the oracle's network, one task after the other."""
    found = []
    for number, labels in enumerate(tasks.labels):
        weights = {name: value[number] for name, value in parameters.items()}
        logits = Oracle().forward(weights, tasks.images[number], [])
        found.append(SCALE * F.cross_entropy(logits, labels, reduction="sum"))
    return torch.stack(found)


def derivative(of: torch.Tensor, tasks: Labelled, by: Parameters) -> list[torch.Tensor]:
    return list(
        torch.autograd.grad(
            of, [*by.values(), tasks.images], retain_graph=True, materialize_grads=True
        )
    )


def inner(
    engine: Analytic, tasks: Labelled, parameters: Parameters, keep: bool = False
) -> tuple[torch.Tensor, Parameters]:
    """Losses, and their gradients with respect to all parameters."""
    return engine.gradients(tasks, list(parameters), SCALE, second_order=True)(parameters, keep)


def assert_close(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    """Compare derivatives: autograd rounds zeros, of biases before BatchNorm, like the largest."""
    largest = max(float(value.detach().abs().max()) for value in expected)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11 * max(10.0, largest))


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
    engine, tasks, parameters = made(seed, **shape)
    losses, logits = engine.losses(parameters, tasks, SCALE)
    expected = plain(tasks, parameters)
    torch.testing.assert_close(losses, expected, **TOLERANCE)
    assert logits.shape == (shape["tasks"], shape["each"], shape["way"])
    weights = torch.arange(1.0, 1.0 + shape["tasks"], dtype=torch.float64)
    assert_close(
        derivative(losses @ weights, tasks, parameters),
        derivative(expected @ weights, tasks, parameters),
    )


@given(seed=st.integers(0, 10**6), keep=st.booleans(), some=st.booleans(), **SHAPES)
@settings(max_examples=30, deadline=None)
def test_gradients_and_the_hessian(seed: int, keep: bool, some: bool, **shape: int) -> None:
    engine, tasks, parameters = made(seed, **shape)
    names = [name for name in parameters if not some or name.startswith(("conv2", "head"))]
    losses, found = engine.gradients(tasks, names, SCALE, second_order=True)(parameters, keep)
    expected = torch.autograd.grad(
        plain(tasks, parameters).sum(), [parameters[name] for name in names], create_graph=True
    )
    assert not losses.requires_grad
    torch.testing.assert_close(losses, plain(tasks, parameters).detach(), **TOLERANCE)
    assert_close(list(found.values()), list(expected))
    random = torch.Generator().manual_seed(seed)
    along = [torch.randn(v.shape, generator=random, dtype=torch.float64) for v in expected]

    def product(gradients: list[torch.Tensor]) -> torch.Tensor:
        return sum((a * b).sum() for a, b in zip(gradients, along, strict=True))

    assert_close(
        derivative(product(list(found.values())), tasks, parameters),
        derivative(product(list(expected)), tasks, parameters),
    )


def test_groups_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, tasks, parameters = made(0, tasks=5)
    results = []
    for images in (4, 8, 1000):
        monkeypatch.setattr("innerloop.engine.losses.IMAGES_OF_A_GROUP", images)
        _, gradients = inner(engine, tasks, parameters)
        total = sum(value.square().sum() for value in gradients.values())
        losses, logits = engine.losses(parameters, tasks, SCALE)
        results.append([losses, logits, *derivative(total + losses.sum(), tasks, parameters)])
    assert [len(task_groups(tasks.labels)), results[0][0].shape] == [1, (5,)]
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, **TOLERANCE)


def test_kept_activations_give_the_same_bits() -> None:
    engine, tasks, parameters = made(1)
    found = []
    for keep in (True, False):
        _, gradients = inner(engine, tasks, parameters, keep)
        total = sum(value.square().sum() for value in gradients.values())
        found.append(derivative(total, tasks, parameters))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_third_derivative_is_refused_not_wrong() -> None:
    engine, tasks, parameters = made(2)
    _, gradients = inner(engine, tasks, parameters)
    total = sum(value.square().sum() for value in gradients.values())
    second = torch.autograd.grad(
        total, parameters["conv1.weight"], create_graph=True, allow_unused=True
    )[0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        second.sum().backward()


def test_a_gamma_of_zero_is_no_division_by_zero() -> None:
    engine, tasks, parameters = made(3)
    parameters["conv2.gamma"].data.zero_()
    _, gradients = inner(engine, tasks, parameters)
    total = sum(value.square().sum() for value in gradients.values())
    assert all(value.isfinite().all() for value in derivative(total, tasks, parameters))


def test_memory_between_inner_steps_is_that_of_weights() -> None:
    """What autograd keeps of a step is parameters, whatever the images need."""
    engine, tasks, parameters = made(4, each=12, size=28, filters=8)
    kept = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        if tensor.data_ptr() != tasks.images.data_ptr():
            kept += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        inner(engine, tasks, parameters)
    assert kept == sum(value.numel() for value in parameters.values())
