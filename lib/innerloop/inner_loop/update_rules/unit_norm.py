"""Unit norm: step, then back onto the unit sphere (P1 eq. 6)."""

from __future__ import annotations

import torch

from innerloop.inner_loop.update_rules.norms import NormOver, squared_norm
from innerloop.inner_loop.update_rules.rule import update_rule


@update_rule("conv_weight")
def unit_norm(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    step_size: torch.Tensor,
    *,
    norm: NormOver = "tensor",
    detach_norm: bool = False,
) -> torch.Tensor:
    """(w - a g) / ||w - a g||.

    Args:
        weight: conv weight [out, in, k, k] of one task.
        gradient: of the inner loss.
        step_size: a.
        norm: over the whole tensor, or for each filter.
        detach_norm: do not differentiate the norm in the outer loop.
    """
    stepped = weight - step_size * gradient
    length = squared_norm(stepped, norm).sqrt()
    return stepped / (length.detach() if detach_norm else length)
