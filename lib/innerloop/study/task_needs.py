"""What tasks need of data sets: refused where too little is known to be there, before any work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.runtime.built_in import LEARNERS
from innerloop.runtime.errors import ConfigError
from innerloop.specs.probe_options import possible_settings
from innerloop.specs.setting import way_and_shot
from innerloop.study.datasets import Datasets
from innerloop.study.keys import StudyKeys
from innerloop.study.model import Model

#: Learners that are trained on tasks; of a user's own this is not known.
_ON_TASKS = (LEARNERS["prototypes"], LEARNERS["ridge"])


@dataclass(frozen=True)
class Need:
    """Tasks of one size, from one split of one data set.

    Attributes:
        what: for which they are, in words.
        dataset: that they are drawn from.
        split: of the data set.
        classes: that a task takes.
        images: that it takes of each class.
    """

    what: str
    dataset: str
    split: str
    classes: int
    images: int


def check_needs(model: Model, keys: StudyKeys, datasets: Datasets) -> None:
    """Refuse a model whose tasks no split of a data set can hold, as far as that is known.

    Args:
        model: the model.
        keys: what the study file says.
        datasets: its data sets.

    Raises:
        ConfigError: a split is not there, or has too few classes, or too few images in one.
    """
    for need in _needs(model, keys):
        known = datasets.known_classes[need.dataset]
        if not known:
            continue
        where = f"study file: {_place(model, keys)}: {model.key.setting}: {need.what}"
        if need.split not in known:
            raise ConfigError(
                f"{where} needs the split {need.split}, and '{need.dataset}' has {', '.join(known)}"
            )
        classes, images = known[need.split]
        if classes < need.classes:
            raise ConfigError(
                f"{where} needs {need.classes} classes, and '{need.dataset}' has {classes} in the "
                f"split {need.split}; choose fewer ways, or another data set"
            )
        if images < need.images:
            raise ConfigError(
                f"{where} needs {need.images} images of each class, support and query, and a class "
                f"of '{need.dataset}' has {images} in the split {need.split}; choose fewer shots, "
                "or fewer queries"
            )


def _place(model: Model, keys: StudyKeys) -> str:
    """Where the study file asks for a model; of several places the last."""
    asking = [
        entry
        for entry, asked in keys.models.items()
        if (asked.protocol, asked.dataset) == (model.key.protocol, model.key.dataset)
        and model.key.setting in asked.settings
    ]
    return f"models.{asking[-1]}.settings"


def _needs(model: Model, keys: StudyKeys) -> Iterator[Need]:
    dataset, learner, options = model.key.dataset, model.learner, keys.probes
    way, each = model.way, model.shot + keys.evaluation.queries
    if not model.baseline and (isinstance(learner, Method) or learner.entry in _ON_TASKS):
        yield Need("training", dataset, "train", way, model.shot + model.choices["queries"])
    yield Need("validation", dataset, "val", way, each)
    for name, split in product(model.evaluate_on, model.splits):
        yield Need("evaluation", name, split, way, each)
    for probe in model.probes:
        for name in options[probe].get("datasets") or model.evaluate_on:
            for need in _of_probe(probe, model, options[probe], keys.evaluation.queries):
                yield Need(f"the probe {probe}", name, *need)


def _of_probe(
    probe: str, model: Model, options: Mapping[str, Any], queries: int
) -> Iterator[tuple[str, int, int]]:
    """Split, classes and images of each class that the tasks of a built-in probe take."""
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
