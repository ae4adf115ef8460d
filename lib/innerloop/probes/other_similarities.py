"""Do other measures see the same layers change? Procrustes and shared neighbours besides CKA.

They use the same activations on the same query images as the probe `cka`, after the same
adaptation. No single measure of similarity is right (Klabunde et al. 2025, ReSi), but what all of
them show is not an artefact of one. Each is also computed with one side's images shuffled, which
keeps the spectrum and leaves only chance similarity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import torch

from innerloop.data.tasks import TaskBatch
from innerloop.networks.network import Activations
from innerloop.networks.parameters import with_task_axis
from innerloop.probes.gram_similarities import procrustes, shared_neighbours
from innerloop.probes.layer_similarity import layer_grams
from innerloop.probes.linear_cka import cka_debiased
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import OtherSimilaritiesOptions, step_counts

Measure: TypeAlias = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def other_similarities(model: ProbedModel) -> Iterator[Row]:
    """Both similarities of slow and fast activations of every task, step count and layer.

    Options: `tasks`, how many test tasks of each data set; `steps`, the numbers of inner steps
    after which to measure, where `test` is the variant's own (default: test); `neighbours`, how
    many nearest images to compare (default 10); `two_trainings`, whether to also compare the slow
    activations with those of the variant's first training: how similar two trainings are.
    """
    options = from_json(OtherSimilaritiesOptions, model.options)
    steps = step_counts(options.steps, model.test_steps)
    other = model.beside.at("last").to(model.device).slow if model.beside else None
    for dataset in model.datasets:
        unadapted = model.measured(dataset, "test", model.weights(), 0)
        for tasks, slow, adapted in model.adaptations(
            "similarities", dataset, options.tasks, steps
        ):
            before = layer_grams(model.network, slow, tasks)
            for columns, fast in adapted:
                after = layer_grams(model.network, fast, tasks)
                yield from _rows(columns, before, after, tasks, options.neighbours)
            if other:
                grams = layer_grams(model.network, with_task_axis(other, len(tasks)), tasks)
                yield from _beside(unadapted, before, grams, tasks, options.neighbours)


def _rows(
    columns: Row, slow: Activations, fast: Activations, tasks: TaskBatch, neighbours: int
) -> Iterator[Row]:
    images = tasks.query.images.shape[1]
    order = torch.randperm(images, generator=torch.Generator().manual_seed(0))
    shuffled = {layer: gram[:, order][:, :, order] for layer, gram in fast.items()}
    for pairing, side in (("same", fast), ("shuffled", shuffled)):
        for name, count, measure in _measures(neighbours):
            shared = {"pairing": pairing, "measure": name, "neighbours": count}
            yield from _of_layers({**columns, **shared}, measure, slow, side, tasks)


def _beside(
    columns: Row, slow: Activations, other: Activations, tasks: TaskBatch, neighbours: int
) -> Iterator[Row]:
    for name, count, measure in (("cka", 0, cka_debiased), *_measures(neighbours)):
        shared = {"pairing": "two_trainings", "measure": name, "neighbours": count}
        yield from _of_layers({**columns, **shared}, measure, slow, other, tasks)


def _measures(neighbours: int) -> list[tuple[str, int, Measure]]:
    """For each measure: its name, the number of neighbours it uses, and its function."""
    shared = partial(shared_neighbours, count=neighbours)
    return [("procrustes", 0, procrustes), ("neighbours", neighbours, shared)]


def _of_layers(
    columns: Row, measure: Measure, one: Activations, other: Activations, tasks: TaskBatch
) -> Iterator[Row]:
    for layer, gram in one.items():
        values = measure(gram, other[layer])
        yield from per_task(tasks, {**columns, "layer": layer}, "similarity", values)
