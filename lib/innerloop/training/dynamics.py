"""What is watched of the parameters while they train: norms and step sizes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import torch

from innerloop.learners.effective_step_size import effective_step_size
from innerloop.learners.update_rules.rule import UpdateRule
from innerloop.networks.parameters import Parameters, kind_of, layer_of

SCHEMA = pa.schema(
    [
        ("iteration", pa.int64()),
        ("layer", pa.string()),
        ("parameter", pa.string()),
        ("norm", pa.float64()),
        ("effective_step_size", pa.float64()),
        ("count", pa.int64()),
        ("mean", pa.float64()),
        ("sd", pa.float64()),
        ("share_negative", pa.float64()),
    ]
)


def dynamics_rows(
    iteration: int, slow: Parameters, step_sizes: Parameters, rule: UpdateRule
) -> list[dict[str, Any]]:
    """One row a parameter tensor: its norm and its step sizes (0 where it does not adapt)."""
    rows = []
    for name, weight in slow.items():
        sizes = step_sizes.get(name, torch.zeros((), dtype=weight.dtype)).detach().double()
        weight = weight.detach()
        effective = float("nan")
        if kind_of(name) == "weight":
            step = step_sizes.get(name)
            effective = 0.0 if step is None else effective_step_size(rule, name, weight, step)
        rows.append(
            {
                "iteration": iteration,
                "layer": layer_of(name),
                "parameter": kind_of(name),
                "norm": float(weight.double().norm()),
                "effective_step_size": effective,
                "count": sizes.numel(),
                "mean": float(sizes.mean()),
                "sd": float(sizes.std(correction=1)) if sizes.numel() > 1 else 0.0,
                "share_negative": float((sizes < 0).double().mean()),
            }
        )
    return rows
