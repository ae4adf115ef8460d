"""The papers' update rules, for a conv weight w [out, in, k, k] with gradient g and step size a.

`norm` says what ||w|| is taken over: the whole tensor, or each filter. With `detach_norm`, the
outer loop does not differentiate the norm.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch

from innerloop.learners.gradient_based.update_rules.rule import UpdateRule, update_rule
from innerloop.runtime.errors import require_choice

NormOver: TypeAlias = Literal["tensor", "filter"]

#: w - a g (MAML; P2 eq. 1), and Meta-SGD where the step size is a tensor (eq. 3).
#: No role has a rule of its own: every parameter takes the plain step.
sgd = UpdateRule(lambda weight, gradient, step_size: weight - step_size * gradient, roles=())


@update_rule("conv_weight")
def scaled_lr(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    step_size: torch.Tensor,
    *,
    norm: NormOver = "tensor",
    detach_norm: bool = False,
) -> torch.Tensor:
    """Undo BatchNorm's implicit decay by the squared norm: w - a ||w||^2 g (P1 eq. 4)."""
    return weight - step_size * squared_norm(weight, norm, detach_norm) * gradient


@update_rule("conv_weight", "conv_bias", "norm")
def scaled_lr_layer(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    step_size: torch.Tensor,
    *,
    conv_weight: torch.Tensor,
    detach_norm: bool = False,
) -> torch.Tensor:
    """Scale bias, gamma and beta, too: w - a ||w_conv||^2 g, by their layer's conv weight.

    P1 can be read so: it "multiplies the inner-loop learning rate for each layer" (Section 3.2).
    """
    return weight - step_size * squared_norm(conv_weight, detach=detach_norm) * gradient


@update_rule("conv_weight")
def unit_norm(
    weight: torch.Tensor,
    gradient: torch.Tensor,
    step_size: torch.Tensor,
    *,
    norm: NormOver = "tensor",
    detach_norm: bool = False,
) -> torch.Tensor:
    """Step, then project back onto the unit sphere: (w - a g) / ||w - a g|| (P1 eq. 6)."""
    stepped = weight - step_size * gradient
    return stepped / squared_norm(stepped, norm, detach_norm).sqrt()


def squared_norm(
    weight: torch.Tensor, over: NormOver = "tensor", detach: bool = False
) -> torch.Tensor:
    """Squared Frobenius norm of a weight: [] for the whole tensor, or [out, 1, ...] per filter.

    Raises:
        ConfigError: the option `norm` is neither `tensor` nor `filter`.
    """
    require_choice("rule_options.norm", over, get_args(NormOver))
    squares = (weight.detach() if detach else weight).square()
    return (
        squares.sum()
        if over == "tensor"
        else squares.sum(dim=[*range(1, squares.ndim)], keepdim=True)
    )
