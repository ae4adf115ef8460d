"""Initial weights, whose scale determines the factor of a norm-scaled step.

Expected squared Frobenius norms for Conv4 with 64 filters: Glorot 5.7 (conv1) and 64 (conv2 to
conv4), torch 21.3 in every layer, Kaiming 128 in every layer.
"""

from __future__ import annotations

import math

import torch

from innerloop.networks.options import Initialisation


def initial_weight(
    shape: tuple[int, ...], initialisation: Initialisation, generator: torch.Generator
) -> torch.Tensor:
    """A weight tensor [out, in, *kernel] in double precision.

    `glorot`: uniform, variance 2 / (fan in + fan out), as in the original MAML code. `torch`:
    uniform with bound 1 / sqrt(fan in), the default of torch's layers. `kaiming`: normal, variance
    2 / fan in. (Under `own`, a module draws its weights itself, and this is not called.)
    """
    receptive = math.prod(shape[2:])
    fan_out, fan_in = shape[0] * receptive, shape[1] * receptive
    if initialisation == "kaiming":
        normal = torch.randn(shape, generator=generator, dtype=torch.float64)
        return normal * math.sqrt(2 / fan_in)
    bounds = {"glorot": math.sqrt(6 / (fan_in + fan_out)), "torch": 1 / math.sqrt(fan_in)}
    bound = bounds[initialisation]
    return (torch.rand(shape, generator=generator, dtype=torch.float64) * 2 - 1) * bound
