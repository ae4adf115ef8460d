"""How much of a layer's change is its own? CKA with that layer alone adapted, and all but it.

The output of a layer changes because its weights do and because its input does: the CKA of the
head, that is, of the logits, inherits every change in the body. Here one of the two changes is
undone after adaptation, by resetting the layer's weights or all others to the slow ones; the fast
weights are those of the probe `cka`. We know of no earlier work that separates the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from innerloop.data.tasks import TaskBatch
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters
from innerloop.probes.layer_similarity import ESTIMATORS, layer_grams
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import OwnChangeOptions, step_counts


def own_change(model: ProbedModel) -> Iterator[Row]:
    """Own and inherited similarity of every task, step count, layer and estimator.

    Options: `tasks`, how many test tasks of each data set; `steps`, the numbers of inner steps
    after which to measure, where `test` is the variant's own (default: test).
    """
    options = from_json(OwnChangeOptions, model.options)
    steps = step_counts(options.steps, model.test_steps)
    for dataset in model.datasets:
        for tasks, slow, adapted in model.adaptations("own change", dataset, options.tasks, steps):
            for columns, fast in adapted:
                yield from _rows(model.network, columns, slow, fast, tasks)


def _rows(
    network: Network, columns: Row, slow: Parameters, fast: Parameters, tasks: TaskBatch
) -> Iterator[Row]:
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
                shared = {**columns, "layer": layer, "change": change, "estimator": estimator}
                yield from per_task(tasks, shared, "similarity", similarity(before[layer], after))
