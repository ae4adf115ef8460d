"""Constraints on slow weights, applied at initialisation and after every outer step."""

from __future__ import annotations

import torch

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.update_rules.rules import squared_norm
from innerloop.networks.parameters import Parameters, role_of
from innerloop.runtime.errors import ConfigError

#: How far a squared norm may deviate from 1.
_ROUNDING = 1e-3


def constrained(method: Method, slow: Parameters) -> Parameters:
    """The slow weights, projected onto the method's constraint (P1 Section 3.2, unit norm)."""
    if method.constraint == "none":
        return slow
    over = method.rule_options.get("norm", "tensor")
    with torch.no_grad():
        return {
            name: tensor / squared_norm(tensor, over).sqrt()
            if role_of(name) == "conv_weight"
            else tensor
            for name, tensor in slow.items()
        }


def require_constrained(method: Method, slow: Parameters) -> None:
    """Refuse slow weights that violate the method's constraint by more than rounding.

    Raises:
        ConfigError: names the weight, its norm, and the function that projects it.
    """
    if method.constraint == "none":
        return
    over = method.rule_options.get("norm", "tensor")
    for name, tensor in slow.items():
        if role_of(name) == "conv_weight":
            square = squared_norm(tensor.detach(), over)
            if not torch.allclose(square, torch.ones_like(square), atol=_ROUNDING):
                norm = float(square.flatten()[0].sqrt())
                raise ConfigError(
                    f"method '{method.name}' keeps conv weights at norm 1, but {name} has norm "
                    f"{norm:.3g}; adapt from constrained(method, slow), which is in "
                    "innerloop.learners.gradient_based.constraint"
                )
