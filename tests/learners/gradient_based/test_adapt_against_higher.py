"""MAML against `higher` (Grefenstette et al. 2019), an independent library, in second order."""

from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import tiny
from innerloop.learners.gradient_based.adapt import adapt, query_logits
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.losses import task_losses

higher = pytest.importorskip("higher", reason="the peer library `higher` is not installed")

STEPS, STEP_SIZE = 3, 0.1


def module() -> nn.Module:
    """The tiny network as an ordinary torch module."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width = 3
    for number in range(1, 5):
        layers[f"conv{number}"] = nn.Conv2d(width, 4, 3, padding=1)
        layers[f"norm{number}"] = nn.BatchNorm2d(4, track_running_stats=False)
        layers[f"relu{number}"] = nn.ReLU()
        layers[f"pool{number}"] = nn.MaxPool2d(2)
        width = 4
    layers["flatten"] = nn.Flatten()
    layers["head"] = nn.Linear(4, 3)
    return nn.Sequential(layers).double()


def ours(name: str) -> str:
    """`norm2.weight` -> `conv2.gamma`."""
    layer, kind = name.split(".")
    if layer.startswith("norm"):
        return f"conv{layer[4:]}." + {"weight": "gamma", "bias": "beta"}[kind]
    return name


def test_second_order_maml():
    chosen = method("maml", step_size=STEP_SIZE)
    slow, sizes = tiny.start(chosen, requires_grad=True)
    batch = tiny.batch(2)
    peer = module()
    names = [ours(name) for name, _ in peer.named_parameters()]
    peer.load_state_dict({name: slow[ours(name)].detach() for name, _ in peer.named_parameters()})

    total = torch.zeros((), dtype=torch.float64)
    optimiser = torch.optim.SGD(peer.parameters(), lr=STEP_SIZE)
    for number in range(len(batch)):
        with higher.innerloop_ctx(peer, optimiser, copy_initial_weights=False) as (fast, inner):
            for _ in range(STEPS):
                logits = fast(batch.support.images[number])
                inner.step(F.cross_entropy(logits, batch.support.labels[number]))
            logits = fast(batch.query.images[number])
            total = total + F.cross_entropy(logits, batch.query.labels[number])
    expected = dict(zip(names, torch.autograd.grad(total, list(peer.parameters())), strict=True))

    adapted = adapt(
        tiny.NETWORK, slow, chosen, batch.support,
        steps=STEPS, step_sizes=sizes, differentiable=True,
    )  # fmt: skip
    logits = query_logits(tiny.NETWORK, adapted.fast, batch.support.images, batch.query.images)
    loss = task_losses(logits, batch.query.labels).sum()
    torch.testing.assert_close(loss, total, rtol=1e-10, atol=1e-10)
    for name, gradient in zip(
        slow, torch.autograd.grad(loss, list(slow.values()), materialize_grads=True), strict=True
    ):
        torch.testing.assert_close(gradient, expected[name], rtol=1e-10, atol=1e-10)
