"""Build the learner that a spec describes."""

from __future__ import annotations

import inspect
from typing import cast, get_args

from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.learner import Batch, Learner
from innerloop.learners.options import LearnerOptions
from innerloop.runtime.errors import ConfigError, ExtensionError, require_choice
from innerloop.runtime.extensions import load_entry

#: Functions that a learner must have.
_PARTS = ("network", "init", "outer_gradient", "adapt", "predict", "project")


def learner_of(
    chosen: Method | LearnerOptions, train_steps: int, *, keep_activations: bool = False
) -> Learner:
    """The learner that trains a model.

    Args:
        chosen: a method, or the options of another learner.
        train_steps: inner steps in training; only methods use it.
        keep_activations: as for `GradientLearner`.

    Raises:
        ConfigError: the learner does not take an option, or its `batch` is unknown.
        ExtensionError: the code does not exist, or does not make a learner.
    """
    if isinstance(chosen, Method):
        return GradientLearner(chosen, train_steps, keep_activations)
    make = load_entry(chosen.entry)
    try:
        inspect.signature(make).bind(**chosen.options)
    except TypeError as error:
        raise ConfigError(
            f"learner '{chosen.entry}': {error}; it takes {inspect.signature(make)}"
        ) from error
    learner = make(**chosen.options)
    if lacking := [part for part in _PARTS if not callable(getattr(learner, part, None))]:
        raise ExtensionError(
            f"learner '{chosen.entry}' made a {type(learner).__name__} without "
            f"{', '.join(lacking)}; expected an object with {', '.join(_PARTS)}, such as an "
            "innerloop.FeatureLearner"
        )
    batch = getattr(learner, "batch", None)
    require_choice(f"learner '{chosen.entry}': batch", batch, get_args(Batch))
    return cast(Learner, learner)
