"""Names of network parameters: `conv2.gamma` is parameter `gamma` of layer `conv2`.

Parameters are flat dictionaries of tensors. *Slow* weights have the plain shape; *fast* weights
carry a leading task axis.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import torch

from innerloop.errors import InnerloopError

Parameters: TypeAlias = dict[str, torch.Tensor]
Role: TypeAlias = Literal["conv_weight", "conv_bias", "norm", "head"]

HEAD = "head"
NORM_PARAMETERS = frozenset({"gamma", "beta"})
_CONV_ROLES: dict[str, Role] = {"weight": "conv_weight", "bias": "conv_bias"}


def layer_of(name: str) -> str:
    """`conv2.gamma` -> `conv2`."""
    return name.partition(".")[0]


def kind_of(name: str) -> str:
    """`conv2.gamma` -> `gamma`: weight, bias, gamma or beta."""
    return name.partition(".")[2]


@cache
def role_of(name: str) -> Role:
    """The role by which update rules are declared.

    Raises:
        InnerloopError: the name is none of Conv4's.
    """
    layer, kind = layer_of(name), kind_of(name)
    if layer == HEAD and kind in _CONV_ROLES:
        return "head"
    if layer.startswith("conv") and kind in NORM_PARAMETERS:
        return "norm"
    if layer.startswith("conv") and kind in _CONV_ROLES:
        return _CONV_ROLES[kind]
    raise InnerloopError(
        f"parameter '{name}' has no known role: names are conv<n>.weight, .bias, .gamma and .beta, "
        "and head.weight and .bias"
    )


def with_task_axis(slow: Parameters, tasks: int) -> Parameters:
    """Give every tensor a leading task axis of length `tasks`, sharing memory.

    Filters lie channels last, as convolutions want them and as their gradients do.
    """

    def laid_out(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    return {name: laid_out(value).expand(tasks, *value.shape) for name, value in slow.items()}


def bounded(fast: Parameters) -> torch.Tensor:
    """Whether the squared norms of each task's weights are finite, [T].

    Where one is not, a network may still give numbers: BatchNorm divides by an infinite variance.
    """
    squares = [weight.detach().square().flatten(1).sum(dim=1) for weight in fast.values()]
    return torch.stack(squares).isfinite().all(dim=0)


def detached(parameters: Parameters) -> Parameters:
    """The same values outside any autograd graph, in memory of their own."""
    return {name: tensor.detach().clone() for name, tensor in parameters.items()}
