"""A study: one study file, checked and resolved into models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from innerloop.papers.claims import read_claims
from innerloop.papers.paper import OWN, Paper, read_paper
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.typed_json import from_json
from innerloop.specs.setting import way_and_shot
from innerloop.study.checks import (
    check_other_settings,
    check_over_training,
    check_similarities,
    check_tensorboard,
)
from innerloop.study.datasets import Datasets
from innerloop.study.keys import ACCESS, RUNNING, Models, StudyKeys
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey
from innerloop.study.names import check_names
from innerloop.study.overlays import without_removed
from innerloop.study.places import with_places
from innerloop.study.plain_values import plain_values
from innerloop.study.refusals import refusals
from innerloop.study.schema import check_schema
from innerloop.study.sweeps import expanded
from innerloop.study.variants import Variants


class Study:
    """A study file's meaning; everything that is wrong with it is found here, before any work.

    Args:
        config: the study file's content.
        files: that it was read from, later ones over earlier ones: messages name file and line.
        checked: whether its form was checked before, as in a record of the part that a job uses.

    Attributes:
        name: of the study.
        title: one line.
        keys: everything that it says, with the defaults of what it leaves out, and every point of
            a grid as a variant.
        sweeps: the variants that are points of a grid.
        config: what results depend on, as it is written, and nothing else.
        access: how files may be had.
        compute: where jobs compute, and how they are run.
        papers: the folder of the study's own results, and those that the key `papers` names.
        datasets: where its images come from.
        variants: its methods and learners, with what they are trained with.
        models: every model of the study.

    Raises:
        ConfigError: the file asks for something unknown, contradictory or impossible.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        files: Sequence[Path | str] = (),
        checked: bool = False,
    ) -> None:
        def again(content: Mapping[str, Any]) -> None:
            Study.__new__(Study)._resolve(content, checked=checked)

        with refusals(config, files, again):
            self._resolve(config, checked=checked)

    def _resolve(self, config: Mapping[str, Any], *, checked: bool) -> None:
        plain = without_removed(plain_values(config))
        if not checked:
            check_schema(plain)
        placed = with_places(plain)
        self.keys, self.sweeps = expanded(from_json(StudyKeys, placed))
        self.name, self.compute = self.keys.study, self.keys.compute
        self.title = self.keys.title or self.name
        self.config: dict[str, Any] = _without_access(placed)
        self.access = {key: plain[key] for key in ACCESS if key in plain}
        self.datasets = Datasets(self.keys)
        self.variants = Variants(self.keys, self.sweeps)
        self.papers = _papers(self.keys.papers)
        check_names(self.keys, self.papers.values(), self.datasets, self.variants)
        if self.compute.tensorboard:
            check_tensorboard()
        self.models = self._models()
        for model in self.models.values():
            check_over_training(self.keys.probes, model)
            check_similarities(model, self.keys.evaluation.queries, self.keys.probes)
            check_other_settings(self.keys.probes, model)

    def _models(self) -> dict[ModelKey, Model]:
        models: dict[ModelKey, Model] = {}
        for model in (model for asked in self.keys.models.values() for model in self._asked(asked)):
            other = models.get(model.key)
            models[model.key] = _measured_as_both(other, model) if other else model
        return models

    def _asked(self, asked: Models) -> Iterator[Model]:
        """The models of one entry of `models`."""
        variants = self.keys.protocols[asked.protocol].variants
        for variant in variants if asked.variants == "all" else asked.variants:
            for setting in asked.settings:
                way_and_shot(setting)
                learner, chosen = self.variants.resolved(
                    asked.protocol, variant, setting, asked.choices
                )
                for seed in asked.seeds or self.keys.model_seeds:
                    yield Model(
                        key=ModelKey(asked.protocol, asked.dataset, variant, setting, seed),
                        learner=learner,
                        choices=chosen,
                        evaluate_on=asked.evaluate_on or (asked.dataset,),
                        splits=asked.splits,
                        probes=asked.probes,
                    )


def _measured_as_both(one: Model, other: Model) -> Model:
    """A model that two entries of `models` ask for, measured as either says.

    Raises:
        ConfigError: they would train it differently.
    """
    if (one.learner, one.choices) != (other.learner, other.choices):
        said = [name for name in one.choices if one.choices[name] != other.choices.get(name)]
        raise ConfigError(
            f"study file: models: two entries ask for {one.key.fill(_SHOWN)}, and say other things "
            f"of its {', '.join(said) or 'learner'}"
        )

    def both(these: Iterable[str], those: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*these, *those]))

    return replace(
        one,
        evaluate_on=both(one.evaluate_on, other.evaluate_on),
        splits=both(one.splits, other.splits),
        probes=both(one.probes, other.probes),
    )


_SHOWN = "{protocol}, {dataset}, {variant}, {setting}, seed {seed}"


def _without_access(placed: Mapping[str, Any]) -> dict[str, Any]:
    """What results depend on: all but how files may be had and how jobs are run."""
    config = {key: value for key, value in placed.items() if key not in ACCESS}
    compute = {key: value for key, value in placed.get("compute", {}).items() if key not in RUNNING}
    return {**config, "compute": compute}


def _papers(places: Sequence[str]) -> dict[str, Paper]:
    """By their places; all that they hold is checked.

    Raises:
        ConfigError: one is not there, or does not have the form of a paper's folder.
    """
    try:
        papers = {place: read_paper(place) for place in (OWN, *places)}
        for paper in papers.values():
            read_claims(paper)
    except ConfigError as error:
        raise ConfigError(f"study file: papers: {error}") from error
    return papers
