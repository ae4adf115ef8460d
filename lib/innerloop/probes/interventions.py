"""What is each part of adaptation worth? Accuracy after changed adaptations, on the same tasks.

CKA says how similar a layer is before and after, but a layer that hardly changes may still do all
of the work. Freezing layers at test time is ANIL's test (Raghu et al. 2020, Section 4).
Nothing is trained here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from innerloop.data.other_tasks import of_same_classes, off_tasks
from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.gradient_based.adapt import (
    adapt,
    adapted_names,
    initial_step_sizes,
    query_logits,
)
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.losses import task_accuracies
from innerloop.networks.parameters import Parameters, bounded, kind_of, role_of, with_task_axis
from innerloop.probes.nearest_prototype import prototype_accuracies
from innerloop.probes.probe import ProbedModel, Row, per_task
from innerloop.runtime.errors import NothingAdaptsError
from innerloop.runtime.progress import Progress
from innerloop.runtime.streams import Stream, seed_from, stream_key
from innerloop.runtime.typed_json import from_json
from innerloop.specs.interventions import FOLLOWED, Intervention
from innerloop.specs.interventions import interventions as asked
from innerloop.specs.probe_options import InterventionsOptions, Place, places
from innerloop.training.model_file import Weights

#: Number of random class orders to average over.
ORDERS = 6


def interventions(model: ProbedModel) -> Iterator[Row]:
    """Accuracy of every test task under every intervention, after the variant's test steps.

    Options: `tasks`, how many tasks; `which`, `default` or `all` interventions; `over_training`,
    the training data sets whose models are also measured at every kept checkpoint, on
    `training_tasks` tasks: with all, head, body and nothing adapting.
    """
    options = from_json(InterventionsOptions, model.options)
    method = _learner(model).method
    wanted = asked(
        options.which, model.network.layer_parameters,
        moving=method.moving_roles, learned=method.learn_step_size,
    )  # fmt: skip
    for place in places(model.spec, options):
        yield from _rows(model, place, wanted if place.checkpoint == "last" else FOLLOWED)


def _rows(model: ProbedModel, place: Place, wanted: Sequence[Intervention]) -> Iterator[Row]:
    weights, dataset = model.weights(place.iteration), place.dataset
    columns = model.measured(dataset, "test", weights, model.test_steps, place.checkpoint)
    what = f"interventions on {dataset}, iteration {place.iteration}"
    with Progress(what, place.tasks) as progress:
        for tasks in model.tasks(dataset).batches(place.tasks, model.tasks_at_once):
            changed = Changed(model, weights, dataset, tasks)
            for intervention, layer in wanted:
                shared = {**columns, "intervention": intervention, "layer": layer}
                accuracies = changed.accuracies(intervention, layer)
                yield from per_task(tasks, shared, "accuracy", accuracies)
            progress.advance(len(tasks))


@dataclass(frozen=True)
class Changed:
    """A model's accuracy on one batch of tasks when its adaptation is changed.

    Attributes:
        model: the model.
        weights: slow weights and step sizes.
        dataset: the data set of the tasks.
        tasks: T tasks.
    """

    model: ProbedModel
    weights: Weights
    dataset: str
    tasks: TaskBatch

    @torch.no_grad()
    def accuracies(self, intervention: str, layer: str = "") -> torch.Tensor:
        """Accuracy of each task under an intervention, [T]; NaN where adaptation diverged."""
        if intervention.startswith("step_sizes_"):
            sizes = self.step_sizes(intervention)
            return self._judged(self._fast(self.tasks, step_sizes=sizes))
        if intervention.startswith("another_task"):
            return self._judged(self._fast(self._other_tasks(intervention)))
        if intervention == "labels_permuted":
            return self._over_orders()
        if intervention == "prototypes":
            return prototype_accuracies(self.model.network, self._adapted, self.tasks)
        if intervention == "prototypes_of_slow":
            return prototype_accuracies(self.model.network, self._slow, self.tasks)
        adapts = tuple(self._adapting(intervention, layer))
        if adapts not in self._by_adapting:  # for ANIL, many interventions are the same
            frozen = self._adapted_names.difference(adapts)
            if not adapts:
                fast = self._slow
            else:
                fast = self._fast(self.tasks, frozen=frozen) if frozen else self._adapted
            self._by_adapting[adapts] = self._judged(fast)
        return self._by_adapting[adapts]

    def step_sizes(self, how: str) -> Parameters:
        """The step sizes of the adapted parameters, changed by an intervention."""
        sizes, learner = self._step_sizes, _learner(self.model)
        if how == "step_sizes_at_start":
            seed = self.model.spec.model.seed
            return initial_step_sizes(learner.method, self.weights.slow, seed, learner.train_steps)
        if how == "step_sizes_swapped":
            return _swapped(sizes, self.model.network.layer_parameters)
        if how == "step_sizes_shuffled":
            return {name: _shuffled(name, size) for name, size in sizes.items()}
        change: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
            "step_sizes_halved": lambda size: size / 2,
            "step_sizes_doubled": lambda size: size * 2,
            "step_sizes_tripled": lambda size: size * 3,
            "step_sizes_clamped": lambda size: size.clamp(min=0),
            "step_sizes_absolute": torch.abs,
            "step_sizes_flipped": torch.neg,
            "step_sizes_mean": lambda size: size.mean().expand_as(size),
        }
        return {name: change[how](size) for name, size in sizes.items()}

    @cached_property
    def _by_adapting(self) -> dict[tuple[str, ...], torch.Tensor]:
        """Adapting parameters -> accuracy of each task, [T]."""
        return {}

    @cached_property
    def _adapted_names(self) -> frozenset[str]:
        """The parameters that the method adapts."""
        return frozenset(adapted_names(_learner(self.model).method, [*self.weights.slow]))

    @cached_property
    def _slow(self) -> Parameters:
        return with_task_axis(self.weights.slow, len(self.tasks))

    @cached_property
    def _adapted(self) -> Parameters:
        """The fast weights of the unchanged adaptation."""
        return self._fast(self.tasks)

    @cached_property
    def _step_sizes(self) -> Parameters:
        return _learner(self.model).step_sizes(self.weights.state)

    def _adapting(self, intervention: str, layer: str) -> list[str]:
        """The parameters that adapt under an intervention that freezes the others."""
        layers = self.model.network.layer_parameters
        names = [
            name for members in layers.values() for name in members if name in self._adapted_names
        ]
        of_layer = frozenset(layers.get(layer, ()))
        if intervention == "frozen_up_to":
            order = [*layers]
            before = order[: order.index(layer) + 1]
            of_layer = frozenset(name for label in before for name in layers[label])
        adapts: dict[str, Callable[[str], bool]] = {
            "everything": lambda name: True,
            "nothing": lambda name: False,
            "frozen": lambda name: name not in of_layer,
            "only": lambda name: name in of_layer,
            "frozen_up_to": lambda name: name not in of_layer,
            "only_weight": lambda name: name in of_layer and kind_of(name) == "weight",
            "norm_frozen": lambda name: role_of(name) != "norm",
        }
        return [name for name in names if adapts[intervention](name)]

    def _fast(
        self,
        tasks: TaskBatch,
        *,
        step_sizes: Parameters | None = None,
        frozen: Collection[str] = (),
    ) -> Parameters:
        model, weights = self.model, self.weights
        return adapt(
            model.network, weights.slow, _learner(model).method, tasks.support,
            steps=model.test_steps, frozen=frozen,
            step_sizes=self._step_sizes if step_sizes is None else step_sizes,
        ).fast  # fmt: skip

    def _judged(self, fast: Parameters, tasks: TaskBatch | None = None) -> torch.Tensor:
        """Accuracy of fast weights on the tasks' query images, [T]; by default on `self.tasks`."""
        judged = tasks or self.tasks
        support, query = judged.support.images, judged.query
        logits = query_logits(self.model.network, fast, support, query.images)
        return task_accuracies(logits, query.labels).masked_fill(~bounded(fast), math.nan)

    def _other_tasks(self, which: str) -> TaskBatch:
        """Tasks with the same indices, of the same classes, of other classes, or of any."""
        if which == "another_task_of_same_classes":
            tasks = self.model.tasks(self.dataset)
            return tasks.of(of_same_classes(tasks.source, self.tasks.episodes))
        others = self.model.tasks(self.dataset, purpose="off-task")
        disjoint = which == "another_task_of_other_classes"
        return off_tasks(others, self.tasks.episodes, disjoint=disjoint)

    def _over_orders(self) -> torch.Tensor:
        """Mean accuracy over adaptations with the classes in random orders, [T]."""
        way = self.model.network.way
        key = stream_key("order of classes", self.model.spec.model.study_seed, self.dataset)
        streams = [Stream(key, index) for index in self.tasks.episodes.index.tolist()]
        accuracies = []
        for _ in range(ORDERS):
            numbers = np.stack([stream.choose(way, way) for stream in streams])
            renumbered = _renumbered(self.tasks, torch.from_numpy(numbers).to(self.model.device))
            accuracies.append(self._judged(self._fast(renumbered), renumbered))
        return torch.stack(accuracies).mean(dim=0)


def _learner(model: ProbedModel) -> GradientLearner:
    """The model's learner.

    Raises:
        NothingAdaptsError: it is not a method.
    """
    if not isinstance(model.learner, GradientLearner):
        raise NothingAdaptsError(
            f"{model.spec.model.in_words}: no weight adapts by a method, so {model.spec.table} has "
            "nothing to change"
        )
    return model.learner


def _renumbered(tasks: TaskBatch, numbers: torch.Tensor) -> TaskBatch:
    """The same tasks, with class c of task t renumbered as `numbers[t, c]`."""

    def part(labelled: Labelled) -> Labelled:
        return Labelled(labelled.images, numbers.gather(1, labelled.labels))

    return replace(tasks, support=part(tasks.support), query=part(tasks.query))


def _shuffled(name: str, sizes: torch.Tensor) -> torch.Tensor:
    """Step sizes in a random order that depends only on the parameter's name."""
    generator = torch.Generator().manual_seed(seed_from("shuffled step sizes", name))
    order = torch.randperm(sizes.numel(), generator=generator).to(sizes.device)
    return sizes.flatten()[order].view_as(sizes)


def _swapped(sizes: Parameters, layers: dict[str, tuple[str, ...]]) -> Parameters:
    """Step sizes with the means of the last body layer's and the head's weights exchanged."""
    *_, last, head = (
        [name for name in layers[label] if kind_of(name) == "weight"] for label in layers
    )
    means = [torch.cat([sizes[name].flatten() for name in names]).mean() for names in (last, head)]
    moved = {name: sizes[name] - means[0] + means[1] for name in last}
    return {**sizes, **moved, **{name: sizes[name] - means[1] + means[0] for name in head}}
