"""How much of a layer's change is its own? CKA with that layer alone adapted, and all but it.

The output of a layer changes because its weights do and because its input does: the CKA of the
head, which is that of the logits, inherits all that happens in the body. Here one of the two is
taken away, weight by weight after adaptation, so that the fast weights are those of the probe
`cka`. We know of no earlier measurement of the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, with_task_axis
from innerloop.probes.layer_similarity import ESTIMATORS, layer_grams
from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.progress import Progress
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import OwnChangeOptions


def own_change(model: ProbedModel) -> Iterator[Row]:
    """Own and inherited similarity of every task, layer and estimator, after the test steps.

    Option: `tasks`, how many test tasks of each data set.
    """
    options, weights = from_json(OwnChangeOptions, model.options), model.weights()
    for dataset in model.datasets:
        columns = model.measured(dataset, "test", weights, model.test_steps)
        with Progress(f"own change on {dataset}", options.tasks) as progress:
            for tasks in model.tasks(dataset).batches(options.tasks, model.tasks_at_once):
                slow, fast = (
                    with_task_axis(weights.slow, len(tasks)),
                    model.adapt(tasks, weights).fast,
                )
                for row in _rows(model.network, slow, fast, tasks):
                    yield {**columns, **row}
                progress.advance(len(tasks))


def _rows(network: Network, slow: Parameters, fast: Parameters, tasks: TaskBatch) -> Iterator[Row]:
    episodes = tasks.episodes.index.tolist()
    before = layer_grams(network, slow, tasks)
    for layer in network.layers:
        own = network.layer_parameters.get(layer, ())
        mixed = {
            "own": {**slow, **{name: fast[name] for name in own}},
            "inherited": {**fast, **{name: slow[name] for name in own}},
        }
        for change, weights in mixed.items():
            after = layer_grams(network, weights, tasks, [layer])[layer]
            for estimator, similarity in ESTIMATORS.items():
                values: torch.Tensor = similarity(before[layer], after)
                for episode, value in zip(episodes, values.tolist(), strict=True):
                    yield {
                        "episode": episode,
                        "layer": layer,
                        "change": change,
                        "estimator": estimator,
                        "similarity": value,
                    }
