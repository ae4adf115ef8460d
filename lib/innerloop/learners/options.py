"""A learner as a study file declares it.

This file imports no torch, so that study files can be checked while Snakemake parses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


@dataclass(frozen=True)
class LearnerOptions:
    """A learner other than a method: its code and options.

    Like a `Method`, it says which roles move in the inner loop and which step sizes are learned:
    none.

    Attributes:
        name: its name in tables.
        entry: the code that makes it, called with the options.
        options: keyword arguments.
        label: its name for readers, in figures and printed tables.
    """

    name: str
    entry: str
    options: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    moving_roles: ClassVar[frozenset[str]] = frozenset()
    learn_step_size: ClassVar[Literal[False]] = False
