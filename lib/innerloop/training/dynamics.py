"""Norms and step sizes of the parameters, logged during training."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import torch

from innerloop.learners.gradient_based.effective_step_size import effective_step_size
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.learner import Learner, State
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


def dynamics_rows(iteration: int, learner: Learner, state: State) -> list[dict[str, Any]]:
    """One row per parameter tensor: its norm and its step sizes (0 if it does not adapt).

    The effective step size is NaN for tensors other than weights, and if the learner is no method.
    """
    step_sizes: Parameters = {}
    rule = None
    if isinstance(learner, GradientLearner):
        step_sizes, rule = learner.step_sizes(state), rule_of(learner.method)
    rows = []
    for name, weight in state["slow"].items():
        sizes = step_sizes.get(name, torch.zeros((), dtype=weight.dtype)).detach().double()
        weight = weight.detach()
        effective = float("nan")
        if rule is not None and kind_of(name) == "weight":
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
