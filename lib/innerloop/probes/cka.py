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
from innerloop.specs.probe_options import CkaOptions


def cka(model: ProbedModel) -> Iterator[Row]:
    """Similarity of slow and fast activations of every task, step count, layer and estimator.

    Options: `tasks`, how many test tasks of each data set; `steps`, the step counts to measure
    after, `test` being the variant's own (default: test and 5); `over_training`, the training data
    sets whose models are also measured at every kept checkpoint, on `training_tasks` tasks of that
    data set (P1 Figure 3).
    """
    options = from_json(CkaOptions, model.options)
    steps = sorted({model.test_steps if taken == "test" else taken for taken in options.steps})
    for dataset in model.datasets:
        yield from _similarities(model, dataset, "last", steps, options.tasks)
    trained = model.spec.model
    own = trained.dataset
    if own in options.over_training and own in model.datasets:
        some = options.training_tasks or options.tasks
        for iteration in trained.schedule.checkpoints:
            yield from _similarities(model, own, iteration, [model.test_steps], some)


def _similarities(
    model: ProbedModel, dataset: str, checkpoint: str | int, steps: Sequence[int], count: int
) -> Iterator[Row]:
    weights = model.weights(checkpoint)
    name = checkpoint if isinstance(checkpoint, str) else "named"
    columns = {taken: model.measured(dataset, "test", weights, taken, name) for taken in steps}
    with Progress(f"CKA on {dataset}, iteration {weights.iteration}", count) as progress:
        for tasks in model.tasks(dataset).batches(count, model.tasks_at_once):
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
