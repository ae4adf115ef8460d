"""Constraints on slow weights, applied at initialisation and after every outer step."""

from __future__ import annotations

import torch

from innerloop.inner_loop.method import Method
from innerloop.inner_loop.update_rules.norms import squared_norm
from innerloop.parameters import Parameters, role_of


def constrained(method: Method, slow: Parameters) -> Parameters:
    """The slow weights, pulled back onto the method's constraint (P1 Section 3.2, unit norm)."""
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
