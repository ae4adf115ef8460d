"""Other implementations of a meta-gradient, to compare Innerloop's with.

Each takes the slow weights, the step size and tasks, and returns the mean query loss and its
gradient with respect to the slow weights. They adapt everything with one step size (MAML, MAML 3x),
or the head alone (ANIL), as the libraries do. A library that can no longer be installed is
represented by its published algorithm.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import nn

from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.method import Method
from innerloop.networks.conv4 import Conv4
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters

Found: TypeAlias = tuple[float, Parameters]
Peer: TypeAlias = Callable[[Network, Parameters, float, Method, TaskBatch, int], Found]


class SameConv4(Conv4):
    """Conv4 under another name, so that the engine for any network computes it."""


SAME_CONV4 = f"{__file__}:{SameConv4.__name__}"


def paths(network: Network) -> dict[str, str]:
    """Our name of each parameter -> its name in the module."""
    return {info.name: info.path for info in network.anatomy.parameters}


def filled(network: Network, slow: Parameters) -> nn.Module:
    """A copy of the network's module with our weights, for the peers."""
    net = copy.deepcopy(network.module).to(next(iter(slow.values()))).requires_grad_()
    net.load_state_dict({path: slow[name].detach() for name, path in paths(network).items()})
    return net


def moving(method: Method, name: str) -> bool:
    """Whether the inner loop adapts a parameter, given its name in the module."""
    return method.adapts == "all" or name.startswith("head")


def torch_loop(
    network: Network, slow: Parameters, rate: float, method: Method, tasks: TaskBatch, steps: int
) -> Found:
    """One task after the other in plain autograd; one backward pass for all of them."""
    net = filled(network, slow)
    weights = {name: value.detach().requires_grad_() for name, value in net.named_parameters()}
    total = torch.zeros((), device=tasks.query.images.device)
    for number in range(len(tasks)):
        total = total + _query_loss(net, weights, rate, method, tasks, number, steps)
    mean = total / len(tasks)
    mean.backward()
    return float(mean.detach()), {name: weights[paths(network)[name]].grad for name in slow}


def learn2learn_style(
    network: Network, slow: Parameters, rate: float, method: Method, tasks: TaskBatch, steps: int
) -> Found:
    """learn2learn's MAML: clone the module, step it differentiably, one backward pass per task."""
    net = filled(network, slow)
    loss = 0.0
    for number in range(len(tasks)):
        clone = {name: value.clone() for name, value in net.named_parameters()}
        mine = _query_loss(net, clone, rate, method, tasks, number, steps)
        mine.backward()
        loss += float(mine.detach())
    gradients = {name: value.grad for name, value in net.named_parameters()}
    count = len(tasks)
    return loss / count, {name: gradients[paths(network)[name]] / count for name in slow}


def higher(
    network: Network, slow: Parameters, rate: float, method: Method, tasks: TaskBatch, steps: int
) -> Found:
    """The library `higher`: a patched module and a differentiable SGD, task after task."""
    import higher as library

    net = filled(network, slow)
    named = dict(net.named_parameters())
    optimiser = torch.optim.SGD(
        [value for name, value in named.items() if moving(method, name)], lr=rate
    )
    loss = 0.0
    for number in range(len(tasks)):
        support, query = tasks.support, tasks.query
        with library.innerloop_ctx(
            net, optimiser, copy_initial_weights=False, track_higher_grads=not method.first_order
        ) as (fast, steps_of):
            for _ in range(steps):
                steps_of.step(F.cross_entropy(fast(support.images[number]), support.labels[number]))
            mine = F.cross_entropy(fast(query.images[number]), query.labels[number])
            mine.backward()
            loss += float(mine.detach())
    count = len(tasks)
    return loss / count, {name: named[paths(network)[name]].grad / count for name in slow}


PEERS: dict[str, Peer] = {
    "torch-loop": torch_loop,
    "learn2learn-style": learn2learn_style,
    "higher": higher,
}


def evaluation_loop(
    network: Network, slow: Parameters, rate: float, tasks: TaskBatch, steps: int
) -> torch.Tensor:
    """Query accuracy of every task, one after the other, without second derivatives."""
    net, first_order = filled(network, slow), Method("maml", first_order=True)
    weights = {name: value.detach().requires_grad_() for name, value in net.named_parameters()}
    hits = []
    for number in range(len(tasks)):
        fast = _adapted(net, weights, rate, first_order, tasks, number, steps)
        with torch.no_grad():
            logits = torch.func.functional_call(net, fast, tasks.query.images[number])
        hits.append((logits.argmax(dim=1) == tasks.query.labels[number]).double().mean())
    return torch.stack(hits)


def _query_loss(
    net: nn.Module,
    weights: Parameters,
    rate: float,
    method: Method,
    tasks: TaskBatch,
    number: int,
    steps: int,
) -> torch.Tensor:
    fast = _adapted(net, weights, rate, method, tasks, number, steps)
    logits = torch.func.functional_call(net, fast, tasks.query.images[number])
    return F.cross_entropy(logits, tasks.query.labels[number])


def _adapted(
    net: nn.Module,
    weights: Parameters,
    rate: float,
    method: Method,
    tasks: TaskBatch,
    number: int,
    steps: int,
) -> Parameters:
    support, fast = tasks.support, dict(weights)
    names = [name for name in fast if moving(method, name)]
    for _ in range(steps):
        logits = torch.func.functional_call(net, fast, support.images[number])
        loss = F.cross_entropy(logits, support.labels[number])
        gradients = torch.autograd.grad(
            loss, [fast[name] for name in names], create_graph=not method.first_order
        )
        fast |= {
            name: fast[name] - rate * along for name, along in zip(names, gradients, strict=True)
        }
    return fast
