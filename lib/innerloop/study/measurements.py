"""The measurement tables of a study, and the files that each is gathered from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from innerloop.runtime.errors import ConfigError
from innerloop.specs.measure import Spec
from innerloop.study import paths
from innerloop.study.jobs import Jobs
from innerloop.study.model_key import ModelKey
from innerloop.study.products import measured_tables


class Measurements:
    """The measurements of one study.

    Args:
        jobs: the jobs that make them.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs, self._study = jobs, jobs.study

    def tables(self) -> list[str]:
        """Names of the tables that the study fills."""
        return measured_tables(self._study)

    def study_of(self, table: str) -> dict[str, Any]:
        """The part of the study file that a table depends on."""
        used = dict(self._study.config)
        probes = used.pop("probes", {})
        used["probes"] = {table: probes[table]} if table in probes else {}
        used["models"] = {
            name: {
                **entry,
                "probes": [probe for probe in entry.get("probes", []) if probe == table],
            }
            for name, entry in used["models"].items()
        }
        if table != "toy":
            used.pop("toy", None)
        for key in ("statistics", "papers"):
            used.pop(key, None)
        return {**used, "title": "", "roles": {}}

    def files(self, table: str) -> Mapping[str, Spec]:
        """Every file that a table is gathered from, with the spec it must have been made with.

        Raises:
            ConfigError: the study has no such table.
        """
        if table == "accuracy":
            return dict([*self._accuracies(), *self._baselines()])
        if table in paths.LOGGED:
            return {
                self._of_model(paths.LOG, key, file=paths.LOGGED[table]): self._jobs.train(key)
                for key in self._study.models
            }
        if table == "toy" and self._study.keys.toy:
            return dict(self._toys())
        found = {
            self._of_model(paths.PROBE, key, probe=table): self._jobs.probe(table, key)
            for key, model in self._study.models.items()
            if table in model.probes
        }
        if not found:
            raise ConfigError(
                f"the study has no table '{table}'; it has {', '.join(self.tables())}"
            )
        return found

    def splits(self) -> dict[str, str]:
        """Data set -> the file of its classes' splits."""
        return {
            name: paths.fill(paths.SPLITS, study=self._study.name, dataset=name)
            for name in self._study.keys.datasets
        }

    def manifests(self) -> list[str]:
        """The manifest of each model, in the study's order."""
        return [self._of_model(paths.MODEL, key) for key in self._study.models]

    def _of_model(self, pattern: str, key: ModelKey, **more: Any) -> str:
        return key.fill(pattern, study=self._study.name, **more)

    def _accuracies(self) -> Iterator[tuple[str, Spec]]:
        for key in self._study.models:
            yield self._of_model(paths.ACCURACY, key), self._jobs.evaluate(key)

    def _baselines(self) -> Iterator[tuple[str, Spec]]:
        for dataset, setting in self._jobs.episode_tables():
            path = paths.fill(
                paths.BASELINE, study=self._study.name, dataset=dataset, setting=setting
            )
            yield path, self._jobs.baseline(dataset, setting)

    def _toys(self) -> Iterator[tuple[str, Spec]]:
        for toy in self._jobs.toys():
            path = paths.fill(paths.TOY, study=self._study.name, **toy)
            yield path, self._jobs.toy(**toy)
