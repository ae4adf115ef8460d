"""What the names in a study file mean: data sets, methods, variants, probes."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from innerloop.data.acquire.collection import Variant
from innerloop.data.acquire.registry import Registry, read_registry
from innerloop.data.acquire.terms import require_acceptance, terms_of
from innerloop.data.licence import Licence
from innerloop.learners.gradient_based.method import Method, with_test_step_size
from innerloop.learners.gradient_based.methods import METHODS, rule_entry
from innerloop.learners.named import learner
from innerloop.learners.options import LearnerOptions
from innerloop.papers.claims import read_claims
from innerloop.papers.paper import OWN, Paper, read_paper
from innerloop.runtime.built_in import LEARNERS, PROBES, SOURCES
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.suggestions import instead_of
from innerloop.runtime.typed_json import from_json
from innerloop.study import choices
from innerloop.study.checks import check_learner, check_network, check_rule
from innerloop.study.keys import ACCESS, RUNNING, Choosing, StudyKeys
from innerloop.study.places import with_places
from innerloop.study.sweeps import expanded


class StudyFile:
    """A study file, by its parts.

    Args:
        config: its content, of the schema's form.

    Attributes:
        name: of the study.
        title: one line.
        keys: everything that it says, with the defaults of what it leaves out, and every point of
            a grid as a variant.
        sweeps: the variants that are points of a grid.
        config: what results depend on, as it is written, and nothing else.
        access: how files may be had.
        compute: where jobs compute, and how they are run.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        placed = with_places(config)
        self.keys, self.sweeps = expanded(from_json(StudyKeys, placed))
        self.name, self.compute = self.keys.study, self.keys.compute
        self.title = self.keys.title or self.name
        compute = config.get("compute", {})
        self.config: dict[str, Any] = {
            **{key: value for key, value in placed.items() if key not in ACCESS},
            "compute": {key: value for key, value in compute.items() if key not in RUNNING},
        }
        self.access = {key: config[key] for key in ACCESS if key in config}

    @cached_property
    def papers(self) -> dict[str, Paper]:
        """The folder of the study's own results, and those that the key `papers` names.

        Raises:
            ConfigError: one is not there, or does not have the form of a paper's folder.
        """
        try:
            papers = {place: read_paper(place) for place in (OWN, *self.config.get("papers", ()))}
            for paper in papers.values():
                read_claims(paper)
        except ConfigError as error:
            raise ConfigError(f"study file: papers: {error}") from error
        return papers

    @cached_property
    def registry(self) -> Registry:
        """The data sets that are read from files."""
        return read_registry(self.keys.registry)

    def variant(self, dataset: str) -> Variant | None:
        """The chosen variant of a data set in the registry; None: its source needs no files.

        Raises:
            ConfigError: there is no such variant.
        """
        chosen = self.config["datasets"][dataset]
        source, name = chosen["source"], chosen.get("variant")
        if source in self.registry.variants:
            return self.registry.variant(source, name)
        if name is not None:
            raise ConfigError(
                f"source '{source}' has no variants; those of {', '.join(self.registry.variants)} "
                "have"
            )
        return None

    def source(self, dataset: str) -> str:
        """What a data set's images are recorded to come from: an entry, as it is written."""
        variant = self.variant(dataset)
        source: str = self.config["datasets"][dataset]["source"]
        return SOURCES.get(source, source) if variant is None else variant.source

    def source_entry(self, dataset: str) -> str:
        """Where the code of a data set's source is, seen from here."""
        source = self.source(dataset)
        return self.registry.entry(source) if self.variant(dataset) else source

    @property
    def licences(self) -> dict[str, Licence]:
        """The terms of every data set of the study that is read from files, by its source."""
        variants = filter(None, map(self.variant, self.config["datasets"]))
        return {variant.dataset: self.registry.licence_of(variant) for variant in variants}

    def terms(self, collections: Container[str | None]) -> str:
        """What some collections' files may be used for and how to cite them, for people."""
        variants = filter(None, map(self.variant, self.config["datasets"]))
        read = {one.dataset: one for one in variants if one.collection in collections}
        said = (terms_of(name, self.registry.licence_of(one)) for name, one in read.items())
        return "\n".join(said)

    def require_licences(self) -> None:
        """Refuse to go on while a restricting licence is not accepted.

        Raises:
            ConfigError: says which, and what to write.
        """
        require_acceptance(self.licences, self.keys.accept_licence)

    def probe_entry(self, probe: str) -> str:
        """Where the code of a probe is: built in by its name, or a user's by the key `probe`."""
        named: str | None = self.config["probes"][probe].get("probe")
        if (probe in PROBES) == (named is not None):
            raise ConfigError(
                f"study file: probes.{probe}: a built-in probe ({', '.join(PROBES)}) goes by its "
                "name; one of your own has another name and the key 'probe: file.py:name'"
            )
        return PROBES[probe] if named is None else named

    def method(self, name: str) -> Method:
        """One of the study's own methods, or a built-in one."""
        own = self.config.get("methods", {})
        if name in own:
            values = {"label": name, "update_rule": "sgd", **own[name]}
            values["update_rule"] = rule_entry(values["update_rule"])
            if "step_size_multiplier" in values:  # 1.0 where it is left out
                values["step_size_multiplier"] = float(values["step_size_multiplier"])
            return Method(name=name, **values)
        if name in METHODS:
            return METHODS[name]
        if name in LEARNERS:
            raise ConfigError(
                f"study file: '{name}' is no method but a learner; write learner: {name}"
            )
        raise ConfigError(
            f"study file: method '{name}' is unknown{instead_of(name, [*own, *METHODS])}"
        )

    def label(self, protocol: str, variant: str) -> str:
        """How figures and tables call a variant."""
        own = self.keys.protocols[protocol].variants[variant]
        points = (one for one in self.sweeps if one.protocol == protocol and variant in one.points)
        sweep = next(points, None)
        name = sweep.name if sweep else variant
        if own.learner:
            label = own.label or name.replace("_", " ").capitalize()
        else:
            method = own.method or name
            label = own.label or (self.method(method).label if method == name else name)
        return f"{label} ({sweep.in_words(variant)})" if sweep else label

    def check_variant(self, protocol: str, variant: str) -> None:
        """Refuse a variant whose choices contradict its method, also one that no model uses.

        Raises:
            ConfigError: says which, and why.
        """
        self.resolved(protocol, variant, "", {})

    def resolved(
        self, name: str, variant: str, setting: str, entry: Mapping[str, Any]
    ) -> tuple[Method | LearnerOptions, Mapping[str, Any]]:
        """A variant's method or learner and its choices in one setting.

        An entry of `models` says some of them, too.

        Raises:
            ConfigError: they contradict each other, or say too little.
        """
        protocol = self.keys.protocols[name]
        own = protocol.variants[variant]
        chosen = choices.merged(
            [
                protocol.defaults.choices,
                protocol.by_setting.get(setting, Choosing()).choices,
                {} if own.learner else self._said_of_method(own.method or variant),
                entry,
                own.choices,
                own.by_setting.get(setting, Choosing()).choices,
            ]
        )
        if setting and "iterations" not in chosen:
            raise ConfigError(
                f"study file: nothing says for how many iterations '{variant}' of {name} is "
                "trained; put iterations into the protocol, the models entry or the variant"
            )
        try:
            check_network(chosen["network"], chosen["network_options"])
            if own.learner:
                return self._learner(name, variant), chosen
            return self._resolved_method(name, variant, chosen), chosen
        except (ConfigError, ExtensionError) as error:
            reason = str(error).removeprefix("study file: ")
            raise ConfigError(
                f"study file: protocols.{name}.variants.{variant}: {reason}"
            ) from error

    def _learner(self, protocol: str, variant: str) -> LearnerOptions:
        """A variant's learner of another kind than the methods."""
        own = self.keys.protocols[protocol].variants[variant]
        name, options = own.learner or "", own.learner_options
        said = {*own.choices}.union(*(each.choices for each in own.by_setting.values()))
        foreign = said.intersection(choices.OF_METHODS)
        if foreign := foreign | ({"method"} if own.method else set()):
            raise ConfigError(
                f"{', '.join(sorted(foreign))}: of a method, and learner '{name}' is none; "
                "leave one of them out"
            )
        check_learner(name, options)
        return replace(learner(name, **options), label=self.label(protocol, variant))

    def _said_of_method(self, name: str) -> dict[str, Any]:
        """What a method says itself: in the study file, or unlike the defaults of `Method`."""
        own = self.config.get("methods", {}).get(name)
        if own is not None:
            return {key: value for key, value in own.items() if key in choices.of(Method)}
        said = {key: getattr(self.method(name), key) for key in choices.of(Method)}
        return {key: value for key, value in said.items() if value != choices.BASE[key]}

    def _resolved_method(self, protocol: str, variant: str, chosen: Mapping[str, Any]) -> Method:
        own = self.keys.protocols[protocol].variants[variant]
        base = self.method(own.method or variant)
        values = choices.pick(chosen, choices.of(Method))
        method = replace(base, **values, label=self.label(protocol, variant))
        check_rule(method)
        if chosen["test_step_size"] is not None:
            with_test_step_size(method, chosen["test_step_size"])
        return method
