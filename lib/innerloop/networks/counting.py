"""Count a network's operations and activations per image, by running it."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from innerloop.networks.counts import NetworkCounts, counts_of, keep
from innerloop.networks.network import Network
from innerloop.networks.options import NetworkOptions
from innerloop.networks.task_axis import listening


def remember_counts(options: NetworkOptions) -> None:
    """Count a network's operations and activations and store them, unless they are known."""
    if counts_of(options) is None:
        keep(options, count(Network.of(options)))


def count(network: Network) -> NetworkCounts:
    """Operations and activations of one image's forward pass."""
    activations = 0

    def add(_path: str, _part: nn.Module, _input: object, output: torch.Tensor) -> None:
        nonlocal activations
        activations += output.numel()

    module = network.module
    counted = {
        path: part
        for path, part in module.named_modules()
        if isinstance(part, nn.Conv2d | nn.Linear)
    }
    dtype = next(module.parameters()).dtype
    # two images, since BatchNorm refuses a single value per channel
    images = torch.rand(2, network.channels, network.image_size, network.image_size, dtype=dtype)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter, listening(counted, add):
        module(images)
    return NetworkCounts(counter.get_total_flops() / 2, activations / 2)
