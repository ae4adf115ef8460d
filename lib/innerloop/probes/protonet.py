"""Are the features better on the task adapted to, or on another one? P2 Sections 4 and 5.3.

The head is removed, and query images are assigned to the nearest prototype: before adaptation, and
after it on the same task and on another one. "Before" is measured on both tasks, so that every
change is a difference on the same images.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from innerloop.data.other_tasks import off_tasks
from innerloop.data.tasks import TaskBatch
from innerloop.networks.parameters import with_task_axis
from innerloop.probes.nearest_prototype import prototype_accuracies
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.progress import Progress
from innerloop.runtime.typed_json import from_json
from innerloop.specs.probe_options import ProtonetOptions
from innerloop.training.model_file import Weights


def protonet(model: ProbedModel) -> Iterator[Row]:
    """Nearest-prototype accuracy of every episode under four conditions.

    Episode i is a pair of tasks: one that the network adapts to, and an off-task drawn
    independently. All four rows have the number of inner steps between "before" and "after".

    Options: `tasks`, how many episodes; `splits` to draw them from (default: test);
    `disjoint_classes`, whether the off-task shares no class with the other; `joint`, whether
    support and query images go through the network together, with common BatchNorm statistics.
    """
    options, weights = from_json(ProtonetOptions, model.options), model.weights()
    for dataset in model.datasets:
        for split in options.splits:
            yield from _measure(model, options, dataset, split, weights)


def _measure(
    model: ProbedModel, options: ProtonetOptions, dataset: str, split: str, weights: Weights
) -> Iterator[Row]:
    count = options.tasks
    columns = model.measured(dataset, split, weights, model.test_steps)
    others = model.tasks(dataset, split, purpose="off-task")
    with Progress(f"prototypes on {dataset} {split}", count) as progress:
        for on in model.tasks(dataset, split).batches(count, model.tasks_at_once):
            off = off_tasks(others, on.episodes, disjoint=options.disjoint_classes)
            accuracies = _accuracies(model, weights, on, off, options.joint)
            for condition, values in accuracies.items():
                shared = {**columns, "condition": condition}
                yield from per_task(on, shared, "accuracy", values)
            progress.advance(len(on), off_task=float(accuracies["off_task"].mean()))


def _accuracies(
    model: ProbedModel, weights: Weights, on: TaskBatch, off: TaskBatch, joint: bool
) -> dict[str, torch.Tensor]:
    """Accuracy of every task, [T], under each condition."""
    slow = with_task_axis(weights.slow, len(on))
    fast = model.adapt(on, weights).fast
    return {
        "pre_adaptation": prototype_accuracies(model.network, slow, on, joint=joint),
        "on_task": prototype_accuracies(model.network, fast, on, joint=joint),
        "pre_adaptation_off_task": prototype_accuracies(model.network, slow, off, joint=joint),
        "off_task": prototype_accuracies(model.network, fast, off, joint=joint),
    }
