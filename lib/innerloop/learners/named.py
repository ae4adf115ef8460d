"""Learners by name: `innerloop.learner("ridge", regulariser=10)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from innerloop.learners.options import LearnerOptions
from innerloop.runtime.built_in import LEARNERS, named_entry
from innerloop.runtime.extensions import split_entry


def learner(name: str | Callable[..., object], **options: Any) -> LearnerOptions:
    """A learner other than a method, for `innerloop.train`.

    Args:
        name: `prototypes`; `ridge`, a closed-form head; `pretrained`, trained on all training
            classes at once, with a classifier fitted to each task; or one of your own, as
            `path/to/file.py:name`, or itself, if it is imported from a module.
        options: keyword arguments of the learner, such as `classifier="nearest_mean"`.

    Raises:
        ConfigError: the learner is unknown.
        InputError: it is an object that cannot be imported again.
    """
    entry = named_entry("learner", name, LEARNERS)
    short = name if isinstance(name, str) and name in LEARNERS else split_entry(entry)[1]
    return LearnerOptions(short, entry, options)
