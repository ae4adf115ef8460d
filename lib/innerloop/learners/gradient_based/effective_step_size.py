"""The step size that a scale-invariant layer sees: how far its unit-norm weight moves.

A layer before BatchNorm computes the same function for w and w / ||w||. Its plain step a g moves
the unit weight by a ||w||^-2 times the gradient there (P1 eq. 3); the scaled and unit-norm updates
undo that factor (P1 eq. 5, 7). It is measured here with the rule itself, so that it holds for any.

With a step size for each weight (P2 eq. 3), each weight has an effective step size, a_i ||w||^-2,
and the layer's is their mean; likewise with a step size for each inner step. A rule with a state is
measured at its first step. For small steps, rules are linear in the step size, so that taking one
step with the mean step size gives exactly this mean; different step sizes under a random gradient
would only estimate it.
"""

from __future__ import annotations

import torch

from innerloop.learners.gradient_based.update_rules.rule import UpdateRule
from innerloop.networks.parameters import role_of
from innerloop.runtime.streams import seed_from


def effective_step_size(
    rule: UpdateRule, name: str, weight: torch.Tensor, step_size: torch.Tensor
) -> float:
    """-<step, g> / <g, g> / ||w||^2 for a small g orthogonal to w; for the head, without / ||w||^2.

    For step sizes per weight or per inner step, it is the mean over them.

    Args:
        rule: the update rule.
        name: the parameter's name, from which its role follows.
        weight: slow weight, without a task axis.
        step_size: [], [*shape] of the weight, or [steps].
    """
    generator = torch.Generator().manual_seed(seed_from("effective step size", name))
    square = weight.square().sum().clamp_min(torch.finfo(weight.dtype).tiny)
    gradient = torch.randn(weight.shape, generator=generator).to(weight)
    gradient = gradient - (gradient * weight).sum() / square * weight
    # small compared with the weight, yet far above rounding error
    gradient = gradient * (1e-2 * square.sqrt() / gradient.norm())
    with torch.no_grad():
        mean = step_size.double().mean().to(step_size)
        moved = rule(role_of(name), weight.unsqueeze(0), gradient.unsqueeze(0), mean)[0]
        along = -((moved - weight) * gradient).sum() / gradient.square().sum()
    return float(along if role_of(name) == "head" else along / square)
