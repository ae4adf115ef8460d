"""The norm that scaled and unit-norm updates counteract."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch

from innerloop.errors import ConfigError

NormOver: TypeAlias = Literal["tensor", "filter"]


def squared_norm(weight: torch.Tensor, over: NormOver = "tensor") -> torch.Tensor:
    """Squared Frobenius norm of a conv weight [out, in, k, k]: of all of it, or of each filter.

    Per filter it has shape [out, 1, 1, 1], so that it broadcasts against the weight.
    """
    if over not in (allowed := get_args(NormOver)):
        raise ConfigError(f"rule_options.norm is {over!r}; choose {' or '.join(allowed)}")
    squares = weight.square()
    return squares.sum() if over == "tensor" else squares.sum(dim=(1, 2, 3), keepdim=True)
