"""The key of a model: the wildcards of its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from innerloop.study.paths import fill


@dataclass(frozen=True, order=True)
class ModelKey:
    """Which model: protocol, training data set, variant, setting and seed."""

    protocol: str
    dataset: str
    variant: str
    setting: str
    seed: int

    def fill(self, pattern: str, **more: Any) -> str:
        """A path pattern with this key's values."""
        return fill(pattern, **asdict(self), **more)


def model_key(wildcards: Mapping[str, Any]) -> ModelKey:
    """The model that a job's wildcards name; Snakemake's are text, and may be more than these."""
    values = {field.name: wildcards[field.name] for field in fields(ModelKey)}
    return ModelKey(**{**values, "seed": int(values["seed"])})
