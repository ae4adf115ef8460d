"""What adaptation does step by step: to accuracy, to prototypes, and to each layer.

P2 asks where MAML gets worse on its own task; the probe `protonet` sees only both ends. In
addition, CKA of each layer, and the angle by which its weight turns in a step: P1's equation 3 is
linear in the step size, while this is the angle itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch

from innerloop.data.other_tasks import off_tasks
from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.adapt import query_logits
from innerloop.learners.losses import task_accuracies
from innerloop.networks.network import Activations, Network
from innerloop.networks.parameters import Parameters, bounded, kind_of
from innerloop.probes.layer_similarity import layer_grams
from innerloop.probes.linear_cka import cka_debiased
from innerloop.probes.nearest_prototype import prototype_accuracies
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import InnerStepsOptions

#: (quantity, layer) -> values of every task, [T]; the layer is "" for the whole network.
_Measured = Mapping[tuple[str, str], torch.Tensor]


def inner_steps(model: ProbedModel) -> Iterator[Row]:
    """Five quantities of every task before adaptation and after each of the test steps.

    `accuracy` of the whole network; `on_task` and `off_task`, nearest-prototype accuracy on the
    task adapted to and on another one; and for each layer `cka`, debiased, with the activations
    before adaptation, and `turn`, the angle by which its weight turned in the last step.

    Option: `tasks`, how many test tasks of each data set.
    """
    count, steps = from_json(InnerStepsOptions, model.options).tasks, range(model.test_steps + 1)
    for dataset in model.datasets:
        others = model.tasks(dataset, purpose="off-task")
        for on, slow, adapted in model.adaptations("inner steps", dataset, count, steps):
            off = off_tasks(others, on.episodes, disjoint=False)
            grams, before = layer_grams(model.network, slow, on), slow
            for columns, now in adapted:
                measured = _measured(model.network, grams, (before, now), on, off)
                for (quantity, layer), values in measured.items():
                    shared = {**columns, "quantity": quantity, "layer": layer}
                    yield from per_task(on, shared, "value", values)
                before = now


def _measured(
    network: Network,
    slow: Activations,
    step: tuple[Parameters, Parameters],
    on: TaskBatch,
    off: TaskBatch,
) -> _Measured:
    """All quantities after a step, given the weights before and after it.

    `slow` holds the layers' Gram matrices before adaptation.
    """
    before, now = step
    logits = query_logits(network, now, on.support.images, on.query.images)
    accuracy = task_accuracies(logits, on.query.labels)
    fast = layer_grams(network, now, on)
    return {
        ("accuracy", ""): accuracy.masked_fill(~bounded(now), math.nan),
        ("on_task", ""): prototype_accuracies(network, now, on),
        ("off_task", ""): prototype_accuracies(network, now, off),
        **{("cka", layer): cka_debiased(slow[layer], fast[layer]) for layer in fast},
        **{("turn", layer): _turn(network, layer, before, now) for layer in fast},
    }


def _turn(network: Network, layer: str, before: Parameters, now: Parameters) -> torch.Tensor:
    """Angle between a layer's weights before and after a step, [T], in radians; NaN without any."""
    names = [name for name in network.layer_parameters.get(layer, ()) if kind_of(name) == "weight"]
    if not names:
        return torch.full((len(next(iter(now.values()))),), math.nan)
    directions = []
    for weights in (before, now):
        flat = torch.cat([weights[name].double().flatten(1) for name in names], dim=1)
        directions.append(flat / flat.norm(dim=1, keepdim=True))
    # near 1, the arc cosine would lose half of the digits
    half_chord: torch.Tensor = (directions[1] - directions[0]).norm(dim=1) / 2
    return 2 * half_chord.clamp_max(1).asin()
