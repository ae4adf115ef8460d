"""Step sizes: one number, or one per parameter where they are learned."""

from __future__ import annotations

import torch

from innerloop.inner_loop.method import Method
from innerloop.parameters import Parameters, role_of
from innerloop.streams import seed_from


def adapted_names(method: Method, names: list[str]) -> list[str]:
    """The parameters that the method moves in its inner loop, in the given order."""
    return [name for name in names if role_of(name) in method.moving_roles]


def initial_step_sizes(method: Method, slow: Parameters, seed: int) -> Parameters:
    """Step sizes of the adapted parameters: scalars, or tensors like the slow weights if learned.

    A learned step size starts at the same value everywhere, or uniformly drawn from a range
    (P2 leaves the start open; it biases the sign of the final mean).
    """
    factor = method.step_size_multiplier
    sizes: Parameters = {}
    for name in adapted_names(method, list(slow)):
        weight = slow[name]
        if isinstance(method.step_size, tuple):
            low, high = method.step_size
            generator = torch.Generator().manual_seed(seed_from("step sizes", seed, name))
            drawn = torch.rand(weight.shape, generator=generator, dtype=torch.float64)
            sizes[name] = ((low + (high - low) * drawn) * factor).to(weight)
        else:
            shape = weight.shape if method.learn_step_size else ()
            value = method.step_size * factor
            sizes[name] = torch.full(shape, value, dtype=torch.float64).to(weight)
    return sizes
