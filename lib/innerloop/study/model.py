"""A model of a study, with all of its parameters resolved."""

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
from innerloop.study.keys import TRAINED_ON
from innerloop.study.model_key import ModelKey

#: The most validation tasks, and the most images, that go through the network together.
VALIDATED_TASKS, VALIDATED_IMAGES = 10, 2000


@dataclass(frozen=True)
class Model:
    """One model of a study, resolved.

    Attributes:
        key: the wildcards that identify it.
        learner: how it learns: a method, or another learner.
        choices: all other choices, by their flat names.
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
        """The options of its network; options that only Conv4 has are left out for others."""
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

    def measured_on(self, options: Mapping[str, Any]) -> list[str]:
        """Data sets on whose tasks a probe with these options measures it."""
        named = options.get("datasets") or self.evaluate_on
        return [self.key.dataset] if named == TRAINED_ON else list(named)

    def validated_together(self, queries: int) -> int:
        """The number of validation tasks that go through the network at once.

        It affects the last bits of what is trained, so it depends on the task's size alone, not
        on `compute.tasks_at_once`.
        """
        images = self.way * (self.shot + queries)
        return max(1, min(VALIDATED_TASKS, VALIDATED_IMAGES // images))
