"""Which model a row belongs to: the columns that every measurement of a model carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from innerloop.specs.train import TrainSpec

Row = dict[str, Any]

#: The model columns of the nearest class mean on raw pixels, which is not trained.
RAW_PIXELS = {
    "protocol": "baseline",
    "variant": "raw_pixels",
    "method": "raw_pixels",
    "train_dataset": "none",
    "train_store": "none",
    "seed": 0,
}


def model_columns(spec: TrainSpec) -> Row:
    """The model columns of a training with the given parameters."""
    return {
        "protocol": spec.protocol,
        "variant": spec.variant,
        "method": spec.learner.name,
        "train_dataset": spec.dataset,
        "train_store": spec.store,
        "setting": spec.setting,
        "way": spec.way,
        "shot": spec.shot,
        "seed": spec.seed,
    }


def with_columns(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Any]) -> Iterator[Row]:
    """Each row with the same additional columns, which come first."""
    return ({**columns, **row} for row in rows)
