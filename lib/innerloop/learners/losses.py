"""Losses and accuracies of tasks."""

from __future__ import annotations

import math

import torch

from innerloop.engine.losses import cross_entropy
from innerloop.learners.gradient_based.method import InnerLoss


def loss_scale(labels: torch.Tensor, way: int, kind: InnerLoss = "mean") -> float:
    """The factor applied to the summed cross-entropy of a task with labels [T, N].

    `mean` averages over the N images; `sum_over_shots` divides their sum by the images per class.
    """
    count = labels.shape[1]
    return 1 / count if kind == "mean" else way / count


def task_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of every task, [T], from logits [T, N, way] and labels [T, N]."""
    return cross_entropy(logits, labels, 1 / labels.shape[1])


def task_accuracies(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The fraction of each task's images that are classified correctly, [T], in double precision.

    NaN for a task with a score that is not finite, for which argmax would still name a class.

    Args:
        scores: of every class, such as logits, [T, N, way].
        labels: [T, N].
    """
    shares = (scores.argmax(dim=2) == labels).double().mean(dim=1)
    return shares.masked_fill(~scores.isfinite().flatten(1).all(dim=1), math.nan)
