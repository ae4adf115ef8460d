"""A study: one study file, checked and resolved into models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from innerloop.runtime.errors import ConfigError
from innerloop.study.checks import check_cka, check_over_training
from innerloop.study.keys import Models
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey, way_and_shot
from innerloop.study.names import check_names
from innerloop.study.overlays import without_removed
from innerloop.study.plain_values import plain_values
from innerloop.study.schema import check_schema
from innerloop.study.study_file import StudyFile


class Study(StudyFile):
    """A study file's meaning; everything that is wrong with it is found here, before any work.

    Args:
        config: the study file's content.
        checked: whether its form was checked before, as in a record of the part that a job uses.

    Raises:
        ConfigError: the file asks for something unknown, contradictory or impossible.
    """

    def __init__(self, config: Mapping[str, Any], *, checked: bool = False) -> None:
        plain = plain_values(without_removed(config))
        if not checked:
            check_schema(plain)
        super().__init__(plain)
        check_names(self)
        for model in self.models.values():  # resolving is checking
            check_over_training(self.config.get("probes", {}), model)
            check_cka(model, self.keys.evaluation.queries)

    @cached_property
    def models(self) -> dict[ModelKey, Model]:
        """Every model of the study."""
        found: dict[ModelKey, Model] = {}
        for entry in self.keys.models.values():
            for model in self._models_of(entry):
                if model.key in found:
                    raise ConfigError(
                        f"study file: models: two entries ask for {model.key.fill(_SHOWN)}"
                    )
                found[model.key] = model
        return found

    def _models_of(self, asked: Models) -> Iterator[Model]:
        variants = self.keys.protocols[asked.protocol].variants
        for variant in variants if asked.variants == "all" else asked.variants:
            for setting in asked.settings:
                way_and_shot(setting)
                learner, chosen = self.resolved(asked.protocol, variant, setting, asked.choices)
                for seed in asked.seeds or self.keys.model_seeds:
                    yield Model(
                        key=ModelKey(asked.protocol, asked.dataset, variant, setting, seed),
                        learner=learner,
                        choices=chosen,
                        evaluate_on=asked.evaluate_on or (asked.dataset,),
                        splits=asked.splits,
                        probes=asked.probes,
                    )


_SHOWN = "{protocol}, {dataset}, {variant}, {setting}, seed {seed}"
