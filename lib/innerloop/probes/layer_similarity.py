"""Similarity of each layer's activations under two sets of weights, on the same images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.inner_loop.adapt import query_logits
from innerloop.nets.conv4 import LAYERS, Activations, Conv4
from innerloop.parameters import Parameters, with_task_axis
from innerloop.probes.linear_cka import cka_biased, cka_debiased, gram

Estimator: TypeAlias = Literal["biased", "debiased"]

ESTIMATORS: dict[Estimator, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "biased": cka_biased,
    "debiased": cka_debiased,
}


@torch.no_grad()
def layer_grams(network: Conv4, weights: Parameters, tasks: TaskBatch) -> Activations:
    """Gram matrix [T, n, n] of every layer's activations on the tasks' n query images.

    `weights` carry a task axis.
    """
    activations: Activations = {}
    query_logits(network, weights, tasks.support.images, tasks.query.images, activations)
    return {layer: gram(activations[layer]) for layer in LAYERS}


def layer_cka(
    network: Conv4,
    slow: Parameters,
    fast: Parameters,
    tasks: TaskBatch,
    estimator: Estimator = "debiased",
) -> dict[str, float]:
    """Linear CKA of slow and fast activations, layer by layer, averaged over the tasks.

    Args:
        network: the function.
        slow: weights before adaptation, without a task axis.
        fast: weights after adaptation to these tasks, with one.
        tasks: whose query images are looked at.
        estimator: `biased`, as in P1, or `debiased`.
    """
    before = layer_grams(network, with_task_axis(slow, len(tasks)), tasks)
    after = layer_grams(network, fast, tasks)
    similarity = ESTIMATORS[estimator]
    return {layer: float(similarity(before[layer], after[layer]).mean()) for layer in LAYERS}
