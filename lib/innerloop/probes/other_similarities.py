"""Does another measure see the same layers change? Procrustes and neighbourhoods beside CKA.

Of the same activations on the same query images as the probe `cka`, after the same adaptation. No
one measure of similarity is right (Klabunde et al. 2025, ReSi): what all of them show is no
property of one. Each is also measured with the images of one side shuffled, whose spectrum is the
same and whose similarity is chance.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.networks.network import Activations
from innerloop.probes.gram_similarities import procrustes, shared_neighbours
from innerloop.probes.layer_similarity import layer_grams
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import OtherSimilaritiesOptions, step_counts


def other_similarities(model: ProbedModel) -> Iterator[Row]:
    """Both similarities of slow and fast activations of every task, step count and layer.

    Options: `tasks`, how many test tasks of each data set; `steps`, the step counts to measure
    after, `test` being the variant's own (default: test); `neighbours`, how many nearest
    images make a neighbourhood (default 10).
    """
    options, weights = from_json(OtherSimilaritiesOptions, model.options), model.weights()
    steps = step_counts(options.steps, model.test_steps)
    for dataset in model.datasets:
        columns = {taken: model.measured(dataset, "test", weights, taken) for taken in steps}
        what = f"similarities on {dataset}"
        for tasks, trajectory in model.adaptations(
            what, dataset, options.tasks, weights, max(steps)
        ):
            slow = layer_grams(model.network, trajectory[0], tasks)
            for taken in steps:
                fast = layer_grams(model.network, trajectory[taken], tasks)
                yield from _rows(columns[taken], slow, fast, tasks, options.neighbours)


def _rows(
    columns: Row, slow: Activations, fast: Activations, tasks: TaskBatch, neighbours: int
) -> Iterator[Row]:
    images = tasks.query.images.shape[1]
    shuffled = torch.randperm(images, generator=torch.Generator().manual_seed(0))
    for layer in slow:
        others = fast[layer][:, shuffled][:, :, shuffled]
        for which, other in (("same", fast[layer]), ("shuffled", others)):
            measured = {
                ("procrustes", 0): procrustes(slow[layer], other),
                ("neighbours", neighbours): shared_neighbours(slow[layer], other, neighbours),
            }
            for (measure, count), values in measured.items():
                of = {"layer": layer, "measure": measure, "neighbours": count, "pairing": which}
                yield from per_task(tasks, {**columns, **of}, "similarity", values)
