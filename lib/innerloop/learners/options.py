"""What a study file says of a learner. Without torch, so that study files can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from innerloop.learners.gradient_based.method import LearnedStepSizes, Method


@dataclass(frozen=True)
class LearnerOptions:
    """A learner of another kind than the methods: which code it is, and with which options.

    Attributes:
        name: what tables call it.
        entry: what makes it, called with its options.
        options: keyword arguments.
        label: how figures and tables show it.
    """

    name: str
    entry: str
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""


def entry_of(chosen: Method | LearnerOptions) -> str:
    """Where the code that a method or a learner brings along is."""
    return chosen.update_rule if isinstance(chosen, Method) else chosen.entry


def moving_roles(chosen: Method | LearnerOptions) -> frozenset[str]:
    """Roles of the parameters that move in an inner loop; of other learners, none do."""
    return chosen.moving_roles if isinstance(chosen, Method) else frozenset()


def learned_step_sizes(chosen: Method | LearnerOptions) -> LearnedStepSizes:
    """How step sizes are learned; False where they are not, or there are none."""
    return chosen.learn_step_size if isinstance(chosen, Method) else False
