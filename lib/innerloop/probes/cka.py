"""How much each layer changes when the network adapts: CKA of slow and fast activations.

P1 Section 4.2 and Figures 2 to 6. Activations are the output of every block (after pooling) and
the logits, on the query images of one task, the same for slow and fast weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from innerloop.data.tasks import TaskBatch
from innerloop.networks.network import Activations
from innerloop.probes.layer_similarity import ESTIMATORS, layer_grams
from innerloop.probes.probe import ProbedModel, Row
from innerloop.runtime.progress import Progress
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import CkaOptions, Place, places, step_counts


def cka(model: ProbedModel) -> Iterator[Row]:
    """Similarity of slow and fast activations of every task, step count, layer and estimator.

    Options: `tasks`, how many test tasks of each data set; `steps`, the step counts to measure
    after, `test` being the variant's own (default: test and 5); `over_training`, the training data
    sets whose models are also measured at every kept checkpoint, on `training_tasks` tasks of that
    data set (P1 Figure 3).
    """
    options = from_json(CkaOptions, model.options)
    steps = step_counts(options.steps, model.test_steps)
    for place in places(model.spec, options):
        own_alone = [model.test_steps]
        yield from _similarities(model, place, steps if place.checkpoint == "last" else own_alone)


def _similarities(model: ProbedModel, place: Place, steps: Sequence[int]) -> Iterator[Row]:
    weights, dataset = model.weights(place.iteration), place.dataset
    columns = {
        taken: model.measured(dataset, "test", weights, taken, place.checkpoint) for taken in steps
    }
    with Progress(f"CKA on {dataset}, iteration {place.iteration}", place.tasks) as progress:
        for tasks in model.tasks(dataset).batches(place.tasks, model.tasks_at_once):
            # one trajectory passes through every wanted step count
            trajectory = model.adapt(tasks, weights, max(steps), trajectory=True).trajectory
            slow = layer_grams(model.network, trajectory[0], tasks)
            for taken in steps:
                fast = layer_grams(model.network, trajectory[taken], tasks)
                for row in _rows(slow, fast, tasks):
                    yield {**columns[taken], **row}
            progress.advance(len(tasks))


def _rows(slow: Activations, fast: Activations, tasks: TaskBatch) -> Iterator[Row]:
    episodes = tasks.episodes.index.tolist()
    for layer in slow:
        for estimator, similarity in ESTIMATORS.items():
            found = similarity(slow[layer], fast[layer]).tolist()
            for episode, value in zip(episodes, found, strict=True):
                yield {
                    "episode": episode,
                    "layer": layer,
                    "estimator": estimator,
                    "similarity": value,
                }
