"""Scaled learning rate: undo BatchNorm's implicit decay by the squared weight norm (P1 eq. 4)."""

from __future__ import annotations

import torch

from innerloop.inner_loop.update_rules.norms import NormOver, squared_norm
from innerloop.inner_loop.update_rules.rule import update_rule


@update_rule("conv_weight")
def scaled_lr(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    step_size: torch.Tensor,
    *,
    norm: NormOver = "tensor",
    detach_norm: bool = False,
) -> torch.Tensor:
    """W - a ||w||^2 g, with the norm of the current weight.

    Args:
        weight: conv weight [out, in, k, k] of one task.
        gradient: of the inner loss.
        step_size: a.
        norm: over the whole tensor, or for each filter.
        detach_norm: do not differentiate the norm in the outer loop.
    """
    square = squared_norm(weight, norm)
    return weight - step_size * (square.detach() if detach_norm else square) * gradient
