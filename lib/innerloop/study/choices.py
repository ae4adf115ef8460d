"""The choices of a protocol or variant: one flat name each, wherever they are set.

A variant's values come from, each overriding the one before: the protocol's `defaults`, its
`by_setting`, what its method says itself, the `models` entry, the variant, and the variant's own
`by_setting`. Options of an update rule override each other one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from innerloop.inner_loop.method import Method

#: Choices that are values of `Method`.
METHOD = (
    "step_size",
    "first_order",
    "inner_loss",
    "adapt_batch_norm",
    "rule_options",
)
#: Choices that are values of `Conv4`.
NETWORK = ("filters", "image_size", "batch_norm", "batch_norm_eps", "initialisation")
#: Choices that are values of the training schedule.
TRAINING = ("iterations", "meta_batch", "train_steps", "test_steps", "outer_step_size", "queries")
#: Choices of what is measured alone; validation is part of training.
MEASURING = ("test_step_size",)

NAMES = frozenset({*METHOD, *NETWORK, *TRAINING, *MEASURING})

#: What holds where nothing is said; how long to train must be said.
BASE: dict[str, Any] = {
    **{name: getattr(Method(""), name) for name in METHOD},
    "filters": 64,
    "image_size": 84,
    "batch_norm": "batch",
    "batch_norm_eps": 1e-5,
    "initialisation": "glorot",
    "meta_batch": 4,
    "train_steps": 5,
    "test_steps": 10,
    "test_step_size": None,
    "outer_step_size": 0.001,
    "queries": 15,
}


def merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The choices after all layers, later ones first in rank."""
    chosen = dict(BASE)
    for layer in layers:
        options = {**chosen["rule_options"], **layer.get("rule_options", {})}
        said = {key: value for key, value in layer.items() if key in NAMES}
        chosen.update(said, rule_options=options)
    return chosen


def pick(chosen: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Some of the choices."""
    return {name: chosen[name] for name in names}
