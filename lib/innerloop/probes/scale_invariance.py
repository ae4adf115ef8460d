"""Is a layer scale invariant? The premise of both updates of P1 (eq. 1, 2 and 10)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.adapt import query_logits
from innerloop.learners.losses import task_losses
from innerloop.networks.parameters import Parameters, kind_of, layer_of, with_task_axis
from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import ScaleInvarianceOptions


def scale_invariance(model: ProbedModel) -> Iterator[Row]:
    """The change of the logits when a weight is scaled, and the cosine of weight and gradient.

    Measured per layer with the slow weights, on the query images of test tasks of the first data
    set, in double precision, so that deviations from the identities are due to BatchNorm's epsilon.
    Scaling a layer before BatchNorm leaves the logits unchanged (eq. 1), and its gradient is
    orthogonal to its weight (eq. 10); neither is true of the head.

    Options: `scale`, the factor (default 10); `tasks`, how many tasks (default 1).
    """
    options = from_json(ScaleInvarianceOptions, model.options)
    scale = float(options.scale)
    weights = model.weights()
    slow = {name: value.double().requires_grad_() for name, value in weights.slow.items()}
    tasks = model.tasks(model.datasets[0]).batch(range(options.tasks))
    logits = _logits(model, slow, tasks)
    loss = task_losses(logits, tasks.query.labels).mean()
    names = [name for name in slow if kind_of(name) == "weight"]
    gradients = torch.autograd.grad(loss, [slow[name] for name in names])
    for name, gradient in zip(names, gradients, strict=True):
        with torch.no_grad():
            scaled = _logits(model, {**slow, name: scale * slow[name]}, tasks)
            change = (scaled - logits).norm() / logits.norm()
            cosine = F.cosine_similarity(slow[name].flatten(), gradient.flatten(), dim=0, eps=0)
        yield {
            "iteration": weights.iteration,
            "layer": layer_of(name),
            "scale": scale,
            "output_change": float(change),
            "gradient_cosine": float(cosine),
        }


def _logits(model: ProbedModel, slow: Parameters, tasks: TaskBatch) -> torch.Tensor:
    weights = with_task_axis(slow, len(tasks))
    support, query = tasks.support.images.double(), tasks.query.images.double()
    return query_logits(model.network, weights, support, query)
