"""A study: one study file, checked and resolved into models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from innerloop.papers.claims import read_claims
from innerloop.papers.paper import OWN, Paper, read_paper
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults, single_faults, told_together
from innerloop.runtime.typed_json import from_json
from innerloop.study.checks import (
    check_other_settings,
    check_over_training,
    check_similarities,
    check_tensorboard,
)
from innerloop.study.datasets import Datasets
from innerloop.study.keys import ACCESS, RUNNING, StudyKeys
from innerloop.study.names import check_names
from innerloop.study.overlays import check_empty, names_removed, without_removed
from innerloop.study.own_folders import OwnFolders
from innerloop.study.places import with_places
from innerloop.study.plain_values import plain_values
from innerloop.study.refusals import refusals
from innerloop.study.schema import check_schema
from innerloop.study.sweeps import expanded
from innerloop.study.task_needs import check_needs
from innerloop.study.variants import Variants


class Study:
    """A study file, checked and resolved; all errors in it are found before any job starts.

    Args:
        config: the study file's content.
        files: the files it was read from, for messages that name file and line; later ones
            override earlier ones.
        checked: whether its form and its own folders have been checked before, as of a study that
            was run, or of the part of it that a job uses.

    Attributes:
        name: of the study.
        title: one line.
        keys: everything that it says, with the defaults of what it leaves out, and every point of
            a grid as a variant.
        sweeps: the variants that are points of a grid.
        config: the part of the study file that results depend on, as it is written.
        access: how to obtain files.
        compute: where jobs compute, and how they are run.
        papers: the folder of the study's own results, and those that the key `papers` names.
        datasets: where its images come from.
        variants: its methods and learners, with their resolved parameters.
        models: every model of the study.

    Raises:
        ConfigError: the file asks for something unknown, contradictory or impossible.
    """

    def __init__(
        self, config: Mapping[str, Any], *, files: Sequence[Path | str] = (), checked: bool = False
    ) -> None:
        def again(content: Mapping[str, Any]) -> None:
            Study.__new__(Study)._resolve(content, checked=checked)

        with refusals(config, files, again):
            self._resolve(config, files, checked=checked)

    def _resolve(
        self, config: Mapping[str, Any], files: Sequence[Path | str] = (), *, checked: bool
    ) -> None:
        with told_together() as faults:  # errors of form come first: they make the rest meaningless
            check_empty(files, faults)
            plain = without_removed(plain_values(config, faults))
            if not checked:
                check_schema(plain, faults)
        placed = with_places(plain)
        self.config: dict[str, Any] = _without_access(placed)
        self.access = {key: plain[key] for key in ACCESS if key in plain}
        with told_together() as faults:  # errors in names
            self.keys, self.sweeps = expanded(from_json(StudyKeys, placed), faults)
            self.name, self.compute = self.keys.study, self.keys.compute
            self.title = self.keys.title or self.name
            self.papers = _papers(self.keys.papers, faults)
            if self.compute.tensorboard:
                with faults.noted():
                    check_tensorboard()
            self.datasets = Datasets(self.keys)
            self.variants = Variants(self.keys, self.sweeps)
            check_names(self.keys, self.papers, self.datasets, self.variants, faults)
        with told_together() as faults:  # errors in the models that it asks for
            self.models = self.variants.models(faults)
            check_needs(self.models.values(), self.keys, self.datasets, faults)
            for model in self.models.values():
                for check in (check_over_training, check_similarities, check_other_settings):
                    with faults.noted():
                        check(model, self.keys)
            if not checked:
                of_folders = OwnFolders(
                    self.keys, self.sweeps, self.models.values(), names_removed(config)
                )
                of_folders.check(self.papers, faults)

    def in_role(self, paper_dataset: str) -> str:
        """The study's data set that plays the role of one of the papers' data sets."""
        return getattr(self.keys.roles, paper_dataset, None) or paper_dataset


def _without_access(placed: Mapping[str, Any]) -> dict[str, Any]:
    """The part that results depend on: all but how to obtain files and how to run jobs."""
    config = {key: value for key, value in placed.items() if key not in ACCESS}
    compute = {key: value for key, value in placed.get("compute", {}).items() if key not in RUNNING}
    return {**config, "compute": compute}


def _papers(places: Sequence[str], faults: Faults) -> dict[str, Paper]:
    """Papers by their places; those that cannot be read are noted."""
    papers = {}
    for place in (OWN, *places):
        try:
            papers[place] = read_paper(place)
            read_claims(papers[place])
        except ConfigError as error:
            for each in single_faults(error):
                faults.note(ConfigError(f"study file: papers: {each}"))
    return papers
