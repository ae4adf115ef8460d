"""Weights to and from plain PyTorch, as state dicts (`torch.nn.Module.state_dict`).

The names are those in the network's own module. A Conv4 may come from other programs, too, which
name its layers differently but all number the blocks: `features.layer1.conv.weight`,
`base.0.conv.weight`, `0.0.weight`. So blocks are recognised by the one number in which their names
differ, never by the order of the dictionary, which files do not preserve.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence

import torch

from innerloop.learners.inputs import require_network, require_weights
from innerloop.networks.conv4 import Conv4
from innerloop.networks.network import Network
from innerloop.networks.options import BLOCKS
from innerloop.networks.parameters import Parameters, detached, kind_of
from innerloop.runtime.errors import InputError

#: PyTorch BatchNorm's buffers.
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")

#: The names that are written: torchmeta's.
_WRITTEN = {
    **{
        f"{block}.{part}": f"features.layer{number}.{theirs}"
        for number, block in enumerate(BLOCKS, start=1)
        for part, theirs in (
            ("weight", "conv.weight"),
            ("bias", "conv.bias"),
            ("gamma", "norm.weight"),
            ("beta", "norm.bias"),
        )
    },
    "head.weight": "classifier.weight",
    "head.bias": "classifier.bias",
}


def from_state_dict(
    network: Network, state: Mapping[str, torch.Tensor], names: Mapping[str, str] | None = None
) -> Parameters:
    """Slow weights from the state dict of a network's own module, or of another program's Conv4.

    Another Conv4 computes the same as `network` if each block is a 3x3 convolution with padding 1,
    BatchNorm by the statistics of the batch, ReLU and 2x2 max-pooling. Running statistics are left
    out, with a warning, since `network` has none. A bias or gamma that the module lacks becomes 0
    or 1, which computes the same.

    Args:
        network: of the same way, filters, image size and channels.
        state: tensors by name: `module.state_dict()`, or one that was read by `torch.load`.
        names: the state's name for each of the network's parameters, such as
            `{"conv1.weight": "vars.0", ...}`; by default derived from shapes and numbers in names.

    Raises:
        InputError: the state is that of another network, or names must be given.
    """
    require_network(network)
    _require_tensors(state)
    own = _own_names(network)
    if names is not None:
        known = dict(names)
    elif not _is_conv4(network) or state.keys() >= set(own.values()):
        known = own
    else:
        known = _found_names(state)
    if missing := sorted(set(known.values()) - state.keys()):
        raise InputError(
            f"names: the state has no {', '.join(missing[:4])}; it has {_shown(state)}"
        )
    if unused := sorted(state.keys() - set(known.values())):
        _leave_out(unused, refuse=names is None)
    slow: Parameters = {}
    like = next(iter(state[key] for key in known.values()))
    for name, shape in network.shapes.items():
        if name in known:
            slow[name] = state[known[name]].detach().clone()
        elif kind_of(name) == "weight":
            raise InputError(f"names: {name} is missing; expected names for all weights")
        else:
            slow[name] = (torch.ones if kind_of(name) == "gamma" else torch.zeros)(shape).to(like)
    require_weights(network, slow, "state")
    return slow


def to_state_dict(
    network: Network, slow: Parameters, like: Mapping[str, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """Weights as the state dict of the network's own module, or of a Conv4 in plain PyTorch.

    Args:
        network: the network.
        slow: weights without a task axis; for one task's fast weights, `{name: weight[0], ...}`.
        like: the state dict of the module that is to load them; its names are used and its running
            statistics kept. By default, names for Conv4 are torchmeta's,
            `features.layer1.conv.weight`, `features.layer1.norm.weight` and `classifier.weight`,
            and for other networks those of their own module.

    Raises:
        InputError: the weights do not fit the network, or `like` does not fit them.
    """
    require_network(network)
    require_weights(network, slow, "slow")
    weights = detached(slow)
    if like is None:
        written = _WRITTEN if _is_conv4(network) else _own_names(network)
        return {written[name]: weights[name] for name in weights}
    _require_tensors(like)
    known = _found_names(like) if _is_conv4(network) else _own_names(network)
    for name in weights.keys() - known.keys():
        # a convolution's bias cancels in BatchNorm
        neutral = 1.0 if kind_of(name) == "gamma" else 0.0
        cancels = name.startswith(BLOCKS) and kind_of(name) == "bias"
        if not cancels and not bool((weights[name] == neutral).all()):
            raise InputError(f"like: has no place for {name}, which is not {neutral:g} everywhere")
    for name, key in known.items():
        if like[key].shape != weights[name].shape:
            raise InputError(
                f"like: {key} is {list(like[key].shape)}, but {name} is "
                f"{list(weights[name].shape)}; expected a module of the same way, filters, image "
                "size and channels"
            )
    return {**like, **{key: weights[name] for name, key in known.items()}}


def _require_tensors(state: object) -> None:
    if not isinstance(state, Mapping):
        hint = ": module.state_dict()" if isinstance(state, torch.nn.Module) else ""
        raise InputError(f"state is a {type(state).__name__}; expected a dictionary{hint}")
    for key, value in state.items():
        if not isinstance(value, torch.Tensor):
            inner = f": perhaps state[{key!r}]" if isinstance(value, Mapping) else ""
            raise InputError(
                f"state: {key!r} is a {type(value).__name__}; expected tensors by name{inner}"
            )


def _is_conv4(network: Network) -> bool:
    return type(network.module) is Conv4


def _own_names(network: Network) -> dict[str, str]:
    """The name of each parameter in the network's own module."""
    return {info.name: info.path for info in network.anatomy.parameters}


def _found_names(state: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """The state's name for each of Conv4's parameters, from shapes and numbers in names."""
    weights = [key for key in state if key.rpartition(".")[2] == "weight"]
    of_rank = {
        rank: [key.removesuffix("weight") for key in weights if state[key].ndim == rank]
        for rank in (1, 2, 4)
    }
    convolutions = _in_order(of_rank[4], "convolution", state)
    norms = _in_order(of_rank[1], "BatchNorm", state)
    if len(of_rank[2]) != 1:
        raise _unclear("one dense layer", of_rank[2], state)
    names = {"head.weight": f"{of_rank[2][0]}weight", "head.bias": f"{of_rank[2][0]}bias"}
    for block, convolution, norm in zip(BLOCKS, convolutions, norms, strict=True):
        names |= {f"{block}.weight": f"{convolution}weight", f"{block}.bias": f"{convolution}bias"}
        names |= {f"{block}.gamma": f"{norm}weight", f"{block}.beta": f"{norm}bias"}
    return {name: key for name, key in names.items() if key in state}


def _in_order(layers: Sequence[str], kind: str, state: Mapping[str, torch.Tensor]) -> Sequence[str]:
    """The names of the blocks' layers, sorted by the one number in which they differ."""
    split = [re.split(r"(\d+)", layer) for layer in layers]
    aligned = zip(*split, strict=False)
    differ = [place for place, parts in enumerate(aligned) if len(set(parts)) > 1]
    same_length = len({len(parts) for parts in split}) == 1
    if len(layers) != len(BLOCKS) or not same_length or len(differ) != 1 or differ[0] % 2 == 0:
        raise _unclear(
            f"{len(BLOCKS)} layers of {kind} whose names differ in a number", layers, state
        )
    return sorted(layers, key=lambda layer: int(re.split(r"(\d+)", layer)[differ[0]]))


def _unclear(expected: str, found: Sequence[str], state: Mapping[str, torch.Tensor]) -> InputError:
    layers = ", ".join(layer.rstrip(".") or "one without a name" for layer in found) or "none"
    return InputError(
        f"state: expected {expected}, found {layers}. If it is a Conv4, say which is which by "
        f"names={{'conv1.weight': ..., ...}}; the state has {_shown(state)}"
    )


def _shown(state: Mapping[str, torch.Tensor]) -> str:
    keys = [f"{key} {list(value.shape)}" for key, value in state.items()]
    return ", ".join(keys[:8]) + (f" and {len(keys) - 8} more" if len(keys) > 8 else "")


def _leave_out(keys: Sequence[str], *, refuse: bool) -> None:
    statistics = [key for key in keys if key.rpartition(".")[2] in _STATISTICS]
    if refuse and (other := sorted(set(keys) - set(statistics))):
        raise InputError(f"state: Conv4 has no parameter for {', '.join(other[:4])}")
    if statistics:
        warnings.warn(
            "BatchNorm's running statistics are left out: Conv4 normalises by the images at hand",
            UserWarning,
            stacklevel=3,
        )
