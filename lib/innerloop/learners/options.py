"""What a study file says of a learner. Without torch, so that study files can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


@dataclass(frozen=True)
class LearnerOptions:
    """A learner of another kind than the methods: which code it is, and with which options.

    As a `Method` it says which roles move in an inner loop, none, and which step sizes are learned.

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
    moving_roles: ClassVar[frozenset[str]] = frozenset()
    learn_step_size: ClassVar[Literal[False]] = False
