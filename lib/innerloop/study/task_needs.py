"""Classes and images that tasks need, checked before any job if the data sets are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.runtime.built_in import LEARNERS
from innerloop.runtime.faults import Faults
from innerloop.specs.probe_options import possible_settings
from innerloop.specs.rehearsal import TaskNeed, require_needs
from innerloop.specs.setting import way_and_shot
from innerloop.study.datasets import Datasets
from innerloop.study.keys import StudyKeys
from innerloop.study.model import Model

#: Learners that are trained on tasks; of users' own learners, this is not known.
_ON_TASKS = (LEARNERS["prototypes"], LEARNERS["ridge"])


def check_needs(
    models: Iterable[Model], keys: StudyKeys, datasets: Datasets, faults: Faults
) -> None:
    """Note tasks that need more classes or images than a split has, before images are built."""
    needs = (need for model in models for need in needs_of(model, keys))
    require_needs(needs, datasets.known_classes, faults)


def _place(model: Model, keys: StudyKeys) -> str:
    """Where the study file asks for a model; if in several places, the last."""
    asking = [
        entry
        for entry, asked in keys.models.items()
        if (asked.protocol, asked.dataset) == (model.key.protocol, model.key.dataset)
        and model.key.setting in asked.settings
    ]
    return f"models.{asking[-1]}.settings"


def needs_of(model: Model, keys: StudyKeys) -> Iterator[TaskNeed]:
    """The classes and images that a model's training and measurements need."""
    where = f"{_place(model, keys)}: {model.key.setting}"
    dataset, learner, options = model.key.dataset, model.learner, keys.probes
    way, each = model.way, model.shot + keys.evaluation.queries
    if not model.baseline and (isinstance(learner, Method) or learner.entry in _ON_TASKS):
        yield TaskNeed(
            f"{where}: training", dataset, "train", way, model.shot + model.choices["queries"]
        )
    yield TaskNeed(f"{where}: validation", dataset, "val", way, each)
    for name, split in product(model.evaluate_on, model.splits):
        yield TaskNeed(f"{where}: evaluation", name, split, way, each)
    for probe in model.probes:
        for name in model.measured_on(options[probe]):
            for need in _of_probe(probe, model, options[probe], keys.evaluation.queries):
                yield TaskNeed(f"{where}: the probe {probe}", name, *need)


def _of_probe(
    probe: str, model: Model, options: Mapping[str, Any], queries: int
) -> Iterator[tuple[str, int, int]]:
    """Split, classes, and images per class that the tasks of a built-in probe need."""
    splits, way, shot = options.get("splits", ["test"]), model.way, model.shot
    match probe:
        case "other_settings":
            for setting in possible_settings(options["settings"], model.learner, way):
                ways, shots = way_and_shot(setting)
                yield from ((split, ways, shots + queries) for split in splits)
        case "protonet":
            ways = 2 * way if options.get("disjoint_classes") else way
            yield from ((split, ways, shot + queries) for split in splits)
        case "interventions" if options.get("which") == "all":
            yield "test", 2 * way, 2 * shot + queries  # another task, of other and of these classes
        case "cka" | "inner_steps" | "interventions" | "other_similarities" | "own_change":
            yield "test", way, shot + queries
