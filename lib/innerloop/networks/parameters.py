"""Names of network parameters: `conv2.gamma` is parameter `gamma` of layer `conv2`.

Parameters are flat dictionaries of tensors. *Slow* weights have the plain shape; *fast* weights
carry a leading task axis.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import torch

from innerloop.networks.options import HEAD, Role
from innerloop.runtime.errors import InnerloopError

Parameters: TypeAlias = dict[str, torch.Tensor]

_ROLES: dict[str, Role] = {
    "weight": "conv_weight",
    "bias": "conv_bias",
    "gamma": "norm",
    "beta": "norm",
}


def layer_of(name: str) -> str:
    """`conv2.gamma` -> `conv2`; `block1.conv2.weight` -> `block1.conv2`."""
    return name.rpartition(".")[0]


def kind_of(name: str) -> str:
    """`conv2.gamma` -> `gamma`: weight, bias, gamma or beta."""
    return name.rpartition(".")[2]


@cache
def role_of(name: str) -> Role:
    """The role by which update rules are declared.

    A network names its parameters by layer and kind (`networks/anatomy.py`), from which the role
    follows: a weight of the body is a conv weight, even in a dense layer.

    Raises:
        InnerloopError: no network names a parameter like this.
    """
    layer, kind = layer_of(name), kind_of(name)
    if not layer or kind not in _ROLES or (layer == HEAD and kind not in ("weight", "bias")):
        raise InnerloopError(
            f"parameter '{name}' has no known role: names are <layer>.weight, .bias, .gamma and "
            "<layer>.beta, and head.weight and .bias"
        )
    return HEAD if layer == HEAD else _ROLES[kind]


def with_task_axis(slow: Parameters, tasks: int) -> Parameters:
    """Give every tensor a leading task axis of length `tasks`, sharing memory.

    Filters are stored channels last, which suits convolutions and is the layout of their gradients.

    Args:
        slow: weights without a task axis.
        tasks: T, as many tasks as the images that the network is called with.
    """

    def laid_out(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    return {name: laid_out(value).expand(tasks, *value.shape) for name, value in slow.items()}


def bounded(fast: Parameters) -> torch.Tensor:
    """Whether the squared norms of each task's weights are finite, [T].

    Even if one is not, logits may be finite, since BatchNorm divides by an infinite variance.
    """
    squares = [weight.detach().square().flatten(1).sum(dim=1) for weight in fast.values()]
    return torch.stack(squares).isfinite().all(dim=0)


def detached(parameters: Parameters) -> Parameters:
    """Copies of the parameters, detached from any autograd graph."""
    return {name: tensor.detach().clone() for name, tensor in parameters.items()}
