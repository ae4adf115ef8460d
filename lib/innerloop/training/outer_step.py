"""How single steps of the outer loop change the norms of weights.

P1's equation 11 says that a step of SGD is orthogonal to a scale-invariant weight, so that the norm
can only grow. Adam's steps need not be orthogonal: here each is split into its two components.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import torch

from innerloop.networks.parameters import Parameters, kind_of, layer_of

SCHEMA = pa.schema(
    [
        ("iteration", pa.int64()),
        ("layer", pa.string()),
        ("gradient_cosine", pa.float64()),
        ("radial_growth", pa.float64()),
        ("tangential_growth", pa.float64()),
    ]
)


def outer_step_rows(
    iteration: int, before: Parameters, after: Parameters
) -> Iterator[dict[str, Any]]:
    """Radial and tangential growth of every weight's norm in one step of the optimiser.

    With w the weight before, the step is a w + d, where d is orthogonal to w:

        ||w + a w + d||² / ||w||² - 1 = (2 a + a²) + ||d||² / ||w||²

    whose two terms are the radial and the tangential growth.

    Args:
        iteration: of the outer loop, which the step completes.
        before: the parameters before the step.
        after: the parameters after the step, with their outer gradients in `grad`.

    Yields:
        A row per weight tensor; the cosine of weight and gradient is NaN if one of them is zero.
    """
    for name, weight in before.items():
        if kind_of(name) != "weight":
            continue
        weight, moved = weight.detach().double(), after[name].detach().double()
        gradient = torch.zeros_like(weight) if (found := after[name].grad) is None else found
        norm, step = weight.norm(), moved - weight
        along = float((weight * step).sum() / norm**2)
        across = step - along * weight
        yield {
            "iteration": iteration,
            "layer": layer_of(name),
            "gradient_cosine": float((weight * gradient).sum() / (norm * gradient.double().norm())),
            "radial_growth": 2 * along + along**2,
            "tangential_growth": float((across.norm() / norm) ** 2),
        }
