"""The choices of a protocol or variant: one flat name each, wherever they are set.

A variant's values come from, each overriding the one before: the protocol's `defaults`, its
`by_setting`, what its method says itself, the `models` entry, the variant, and the variant's own
`by_setting`. Options of an update rule override each other one by one; so do those of a network,
until another network is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.networks.options import NetworkOptions
from innerloop.specs.measure import MeasureSpec
from innerloop.specs.train import Schedule, TrainSpec

#: The choices, by the class that a choice is a field of: its type, default and meaning stand there.
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


def of(home: type) -> tuple[str, ...]:
    """The choices that are fields of a class."""
    return HOMES[home]


#: Choices that a learner of another kind than the methods does not have.
OF_METHODS = (*HOMES[Method], *HOMES[MeasureSpec], "outer_step_size_for_step_sizes")


def default(home: Any, name: str) -> Any:
    """The default of a choice; `MISSING` where it must be said."""
    field = next(field for field in fields(home) if field.name == name)
    return field.default if field.default_factory is MISSING else field.default_factory()


NAMES = tuple(name for names in HOMES.values() for name in names)

#: What holds where nothing is said; how long to train must be said.
BASE: dict[str, Any] = {
    name: default(home, name)
    for home, names in HOMES.items()
    for name in names
    if default(home, name) is not MISSING
}


def merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The choices after all layers, of which each overrides those before it."""
    chosen = dict(BASE)
    for layer in layers:
        options = {**chosen["rule_options"], **layer.get("rule_options", {})}
        kept = {} if "network" in layer else chosen["network_options"]
        of_network = {**kept, **layer.get("network_options", {})}
        said = {key: value for key, value in layer.items() if key in NAMES}
        chosen.update(said, rule_options=options, network_options=of_network)
    return chosen


def pick(chosen: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Some of the choices."""
    return {name: chosen[name] for name in names}
