"""Learners by name: `innerloop.learner("ridge", regulariser=10)`."""

from __future__ import annotations

from typing import Any

from innerloop.learners.options import LearnerOptions
from innerloop.runtime.built_in import LEARNERS
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import split_entry
from innerloop.runtime.suggestions import instead_of


def learner(name: str, **options: Any) -> LearnerOptions:
    """A learner other than a method, for `innerloop.train`.

    Args:
        name: `prototypes`; `ridge`, a closed-form head; `pretrained`, trained on all training
            classes at once, with a classifier fitted to each task; or `path/to/file.py:name` for
            one of your own.
        options: keyword arguments of the learner, such as `classifier="nearest_mean"`.

    Raises:
        ConfigError: the learner is unknown.
    """
    if name in LEARNERS:
        return LearnerOptions(name, LEARNERS[name], options)
    if ":" not in name:
        raise ConfigError(
            f"learner '{name}' is unknown{instead_of(name, LEARNERS)}; "
            "code of your own is named path/to/file.py:name"
        )
    return LearnerOptions(split_entry(name)[1], name, options)
