"""The step size that a scale-invariant layer sees: how far its unit-norm weight moves.

A layer before BatchNorm computes the same function for w and w / ||w||. Its plain step a g moves
the unit weight by a ||w||^-2 times the gradient there (P1 eq. 3); the scaled and unit-norm updates
undo that factor (P1 eq. 5, 7). It is measured here with the rule itself, so that it holds for any.

With a step size for each weight (P2 eq. 3) every weight has its own, a_i ||w||^-2; the layer's is
their mean, and so it is over the steps where each has its own. A rule with a state is measured in
its first step. Rules are linear in the step size where steps are small, so that the mean step size
has exactly that mean; a random gradient would only estimate it.
"""

from __future__ import annotations

import torch

from innerloop.learners.gradient_based.update_rules.rule import UpdateRule
from innerloop.networks.parameters import role_of
from innerloop.runtime.streams import seed_from


def effective_step_size(
    rule: UpdateRule, name: str, weight: torch.Tensor, step_size: torch.Tensor
) -> float:
    """-<step, g> / <g, g> / ||w||^2 for a small g orthogonal to w; the head is not divided.

    Of step sizes shaped like the weight, or one per step, it is their mean.

    Args:
        rule: the update rule.
        name: the parameter's name, which says its role.
        weight: slow weight, without a task axis.
        step_size: [], [*shape] of the weight, or [steps].
    """
    generator = torch.Generator().manual_seed(seed_from("effective step size", name))
    square = weight.square().sum().clamp_min(torch.finfo(weight.dtype).tiny)
    gradient = torch.randn(weight.shape, generator=generator).to(weight)
    gradient = gradient - (gradient * weight).sum() / square * weight
    # small against the weight, yet far above rounding
    gradient = gradient * (1e-2 * square.sqrt() / gradient.norm())
    with torch.no_grad():
        mean = step_size.double().mean().to(step_size)
        moved = rule(role_of(name), weight.unsqueeze(0), gradient.unsqueeze(0), mean)[0]
        along = -((moved - weight) * gradient).sum() / gradient.square().sum()
    return float(along if role_of(name) == "head" else along / square)
