"""A model of a study: everything that its study file says of it, resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.options import LearnerOptions
from innerloop.networks.options import CONV4, NetworkOptions
from innerloop.runtime.built_in import network_entry
from innerloop.specs.setting import way_and_shot
from innerloop.study import choices
from innerloop.study.model_key import ModelKey

#: At most so many validation tasks go through the network together, and so many images.
VALIDATED_TASKS, VALIDATED_IMAGES = 10, 2000


@dataclass(frozen=True)
class Model:
    """One model of a study, resolved.

    Attributes:
        key: its place in the study.
        learner: how it learns: by a method, or by a learner of another kind.
        choices: every other choice by its flat name.
        evaluate_on: data sets its accuracy is measured on.
        splits: splits its accuracy is measured on.
        probes: names of the probes that measure it.
    """

    key: ModelKey
    learner: Method | LearnerOptions
    choices: Mapping[str, Any]
    evaluate_on: tuple[str, ...]
    splits: tuple[str, ...]
    probes: tuple[str, ...]

    @property
    def way(self) -> int:
        """Classes of a task."""
        return way_and_shot(self.key.setting)[0]

    @property
    def shot(self) -> int:
        """Support images of a class."""
        return way_and_shot(self.key.setting)[1]

    @property
    def network(self) -> NetworkOptions:
        """The options of its network; those of Conv4 alone are left out for any other."""
        chosen = choices.pick(self.choices, choices.HOMES[NetworkOptions])
        entry = network_entry(chosen.pop("network"))
        if entry != CONV4:
            for name in ("filters", "batch_norm", "batch_norm_eps"):
                del chosen[name]
        return NetworkOptions(way=self.way, network=entry, **chosen)

    @property
    def baseline(self) -> bool:
        """Whether it is not trained at all."""
        return bool(self.choices["iterations"] == 0)

    def validated_together(self, queries: int) -> int:
        """How many validation tasks of so many queries per class go through the network at once.

        The number affects the last bits of what is trained, so it follows from the task's size
        alone, whatever `compute.tasks_at_once` says.
        """
        images = self.way * (self.shot + queries)
        return max(1, min(VALIDATED_TASKS, VALIDATED_IMAGES // images))
