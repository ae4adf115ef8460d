"""Similarity of each layer's activations under two sets of weights, on the same images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.adapt import query_logits
from innerloop.learners.inputs import require_network, require_tasks, require_weights
from innerloop.networks.network import Activations, Network
from innerloop.networks.parameters import Parameters, with_task_axis
from innerloop.probes.linear_cka import cka_biased, cka_debiased, gram
from innerloop.runtime.errors import InputError

Estimator: TypeAlias = Literal["biased", "debiased"]

ESTIMATORS: dict[Estimator, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "biased": cka_biased,
    "debiased": cka_debiased,
}


@torch.no_grad()
def layer_grams(
    network: Network, weights: Parameters, tasks: TaskBatch, layers: Iterable[str] | None = None
) -> Activations:
    """Gram matrices [T, n, n] of the layers' activations on the tasks' n query images.

    `weights` have a task axis; `layers` are by default all that are probed.
    """
    activations: Activations = {}
    query_logits(network, weights, tasks.support.images, tasks.query.images, activations)
    return {layer: gram(activations[layer]) for layer in layers or network.layers}


def layer_cka(
    network: Network,
    slow: Parameters,
    fast: Parameters,
    tasks: TaskBatch,
    estimator: Estimator = "debiased",
) -> dict[str, float]:
    """Linear CKA of slow and fast activations, layer by layer, averaged over the tasks.

    Tasks whose CKA is undefined, because adaptation diverged or a layer is dead, are left out, with
    a warning that says how many. `layer_cka_per_task` shows which.

    Args:
        network: the network.
        slow: weights before adaptation, without a task axis.
        fast: weights after adaptation to these tasks, with a task axis.
        tasks: the tasks, whose query images are used.
        estimator: `biased`, as in P1, or `debiased`.

    Raises:
        InputError: an argument does not fit the network.
    """
    similarities = layer_cka_per_task(network, slow, fast, tasks, estimator)
    undefined = {layer: int(values.isnan().sum()) for layer, values in similarities.items()}
    if left_out := {layer: count for layer, count in undefined.items() if count}:
        counts = ", ".join(f"{layer} {count}" for layer, count in left_out.items())
        warnings.warn(
            f"CKA is undefined on some of the {len(tasks)} tasks, which are left out: {counts}",
            RuntimeWarning,
            stacklevel=2,
        )
    return {layer: float(values.nanmean()) for layer, values in similarities.items()}


def layer_cka_per_task(
    network: Network,
    slow: Parameters,
    fast: Parameters,
    tasks: TaskBatch,
    estimator: Estimator = "debiased",
) -> dict[str, torch.Tensor]:
    """Linear CKA of slow and fast activations of every task, layer by layer; NaN where undefined.

    Args:
        network: the network.
        slow: weights before adaptation, without a task axis.
        fast: weights after adaptation to these tasks, with a task axis.
        tasks: the tasks, whose query images are used.
        estimator: `biased`, as in P1, or `debiased`.

    Returns:
        Layer -> CKA of each task, [T], in double precision.

    Raises:
        InputError: an argument does not fit the network.
    """
    require_network(network)
    if estimator not in ESTIMATORS:
        raise InputError(f"estimator is {estimator!r}; expected one of {', '.join(ESTIMATORS)}")
    require_weights(network, slow, "slow")
    require_tasks(network, tasks, slow, values=True)
    require_weights(network, fast, "fast", tasks=len(tasks))
    before = layer_grams(network, with_task_axis(slow, len(tasks)), tasks)
    after = layer_grams(network, fast, tasks)
    similarity = ESTIMATORS[estimator]
    return {layer: similarity(before[layer], after[layer]) for layer in network.layers}
