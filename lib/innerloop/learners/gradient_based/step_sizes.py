"""Step sizes of the adapted parameters: how many there are, where they start, which hold when."""

from __future__ import annotations

import torch

from innerloop.learners.gradient_based.method import Method
from innerloop.networks.parameters import Parameters, role_of
from innerloop.runtime.streams import seed_from


def adapted_names(method: Method, names: list[str]) -> list[str]:
    """The parameters that the method moves in its inner loop, in the given order."""
    return [name for name in names if role_of(name) in method.moving_roles]


def initial_step_sizes(method: Method, slow: Parameters, seed: int, steps: int = 1) -> Parameters:
    """Step sizes of the adapted parameters, of the shapes that the method gives them.

    A learned step size starts at the same value everywhere, or uniformly drawn from a range
    (P2 leaves the start open; it biases the sign of the final mean).

    Args:
        method: what adapts, and how its step sizes are learned.
        slow: weights, without a task axis.
        seed: of step sizes that are drawn.
        steps: inner steps while training, where each has its own.
    """
    factor = method.step_size_multiplier
    sizes: Parameters = {}
    for name in adapted_names(method, list(slow)):
        weight = slow[name]
        shape = method.step_size_shape(tuple(weight.shape), steps)
        if isinstance(method.step_size, tuple):
            low, high = method.step_size
            generator = torch.Generator().manual_seed(seed_from("step sizes", seed, name))
            drawn = torch.rand(shape, generator=generator, dtype=torch.float64)
            sizes[name] = ((low + (high - low) * drawn) * factor).to(weight)
        else:
            value = method.step_size * factor
            sizes[name] = torch.full(shape, value, dtype=torch.float64).to(weight)
    return sizes


def of_step(method: Method, step_sizes: Parameters, step: int) -> Parameters:
    """The step sizes of one inner step, counted from 0.

    Where every step has its own, later steps than were trained take the last one's.
    """
    if method.learn_step_size != "step_and_layer":
        return step_sizes
    return {
        name: sizes[min(step, len(sizes) - 1)] if sizes.ndim else sizes
        for name, sizes in step_sizes.items()
    }


def bounded_below(method: Method, learned: Parameters) -> Parameters:
    """The step sizes that learned numbers stand for: max(number, lower bound).

    The derivative goes straight through, as if there were no bound, so that a step size can leave
    its bound again (sparse-ReLU-MAML, von Oswald et al. 2021).
    """
    bound = method.step_size_lower_bound
    if bound is None:
        return learned
    return {
        name: number.detach().clamp(min=bound) + (number - number.detach())
        for name, number in learned.items()
    }
