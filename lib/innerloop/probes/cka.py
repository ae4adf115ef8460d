"""How much each layer changes when the network adapts: CKA of slow and fast activations.

P1 Section 4.2 and Figures 2 to 6. Activations are the output of every block (after pooling) and
the logits, on the query images of one task, the same for slow and fast weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from innerloop.probes.layer_similarity import ESTIMATORS, layer_grams
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import CkaOptions, Place, places, step_counts


def cka(model: ProbedModel) -> Iterator[Row]:
    """Similarity of slow and fast activations of every task, step count, layer and estimator.

    Options: `tasks`, how many test tasks of each data set; `steps`, the numbers of inner steps
    after which to measure, where `test` is the variant's own (default: test and 5);
    `over_training`, the training data sets whose models are also measured at every kept checkpoint,
    on `training_tasks` tasks of that data set (P1 Figure 3).
    """
    options = from_json(CkaOptions, model.options)
    steps = step_counts(options.steps, model.test_steps)
    for place in places(model.spec, options):
        test_only = [model.test_steps]
        yield from _similarities(model, place, steps if place.checkpoint == "last" else test_only)


def _similarities(model: ProbedModel, place: Place, steps: Sequence[int]) -> Iterator[Row]:
    what, weights = f"CKA at iteration {place.iteration}", model.weights(place.iteration)
    for tasks, slow, adapted in model.adaptations(
        what, place.dataset, place.tasks, steps, weights, place.checkpoint
    ):
        before = layer_grams(model.network, slow, tasks)
        for columns, fast in adapted:
            after = layer_grams(model.network, fast, tasks)
            for layer, (estimator, similarity) in product(before, ESTIMATORS.items()):
                values = similarity(before[layer], after[layer])
                shared = {**columns, "layer": layer, "estimator": estimator}
                yield from per_task(tasks, shared, "similarity", values)
