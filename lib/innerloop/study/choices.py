"""The choices of a protocol or variant, each with one flat name, wherever it is set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.networks.options import NetworkOptions
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import Schedule, TrainSpec

#: Class -> the choices that are fields of it, which define their types, defaults and meanings.
HOMES: Mapping[type, tuple[str, ...]] = {
    Method: ("step_size", "first_order", "inner_loss", "adapt_batch_norm", "rule_options"),
    NetworkOptions: (
        "network",
        "network_options",
        "filters",
        "image_size",
        "batch_norm",
        "batch_norm_eps",
        "initialisation",
    ),
    Schedule: (
        "iterations",
        "meta_batch",
        "train_steps",
        "test_steps",
        "outer_step_size",
        "outer_schedule",
        "outer_step_size_for_step_sizes",
    ),
    TrainSpec: ("queries",),
    MeasureSpec: ("test_step_size",),
}

#: Choices that only methods have, not other learners.
OF_METHODS = (*HOMES[Method], *HOMES[MeasureSpec], "outer_step_size_for_step_sizes")

NAMES = tuple(name for names in HOMES.values() for name in names)


def default(field: Field[Any]) -> Any:
    """The default of a field; `MISSING` if it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


#: The defaults of all choices that have one; how long to train must be given.
BASE: dict[str, Any] = {
    field.name: default(field)
    for home, names in HOMES.items()
    for field in fields(home)
    if field.name in names and default(field) is not MISSING
}


def pick(chosen: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Some of the choices."""
    return {name: chosen[name] for name in names}
