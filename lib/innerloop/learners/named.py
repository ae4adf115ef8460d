"""Learners by name: `innerloop.learner("ridge", regulariser=10)`."""

from __future__ import annotations

from typing import Any

from innerloop.learners.options import LearnerOptions
from innerloop.runtime.built_in import LEARNERS
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import split_entry
from innerloop.runtime.suggestions import instead_of


def learner(name: str, **options: Any) -> LearnerOptions:
    """A learner of another kind than the methods, for `innerloop.train`.

    Args:
        name: `prototypes`; `ridge`, a closed-form head; `pretrained`, all training classes at once
            and then a classifier per task; or `path/to/file.py:name` of your own.
        options: its keyword arguments, such as `classifier="nearest_mean"`.

    Raises:
        ConfigError: there is no such learner.
    """
    if name in LEARNERS:
        return LearnerOptions(name, LEARNERS[name], options)
    if ":" not in name:
        raise ConfigError(
            f"learner '{name}' is unknown{instead_of(name, LEARNERS)}; "
            "code of your own is named path/to/file.py:name"
        )
    return LearnerOptions(split_entry(name)[1], name, options)
