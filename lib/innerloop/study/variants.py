"""The variants and models of a study, with their parameters resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from innerloop.learners.gradient_based.method import Method, with_test_step_size
from innerloop.learners.gradient_based.methods import METHODS
from innerloop.learners.named import learner
from innerloop.learners.options import LearnerOptions
from innerloop.measurements.described_study import Sweep
from innerloop.runtime.built_in import LEARNERS, UPDATE_RULES
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.faults import Faults
from innerloop.runtime.suggestions import instead_of
from innerloop.study import choices
from innerloop.study.checks import check_learner, check_network, check_rule
from innerloop.study.keys import Choosing, Models, StudyKeys
from innerloop.study.model import Model
from innerloop.study.model_key import ModelKey
from innerloop.study.sweeps import MOST

#: A choice that only methods with learned step sizes have.
_FOR_LEARNED = "outer_step_size_for_step_sizes"


class Variants:
    """The variants of a study's protocols, resolved.

    A `Method` made here is final: jobs' specs contain it, and `GradientLearner` reads it.

    Args:
        keys: the content of the study file, with every point of a grid as a variant.
        sweeps: the variants that are points of a grid.
    """

    def __init__(self, keys: StudyKeys, sweeps: Sequence[Sweep]) -> None:
        self._keys, self._sweeps = keys, sweeps

    def method(self, name: str) -> Method:
        """One of the study's own methods, or a built-in one."""
        methods = self._keys.methods
        if name in methods:
            values = {"label": name, "update_rule": "sgd", **methods[name]}
            values["update_rule"] = UPDATE_RULES.get(values["update_rule"], values["update_rule"])
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
            f"study file: method '{name}' is unknown{instead_of(name, [*methods, *METHODS])}"
        )

    def label(self, protocol: str, variant: str) -> str:
        """The label of a variant in figures and tables."""
        entry = self._keys.protocols[protocol].variants[variant]
        points = (one for one in self._sweeps if one.protocol == protocol and variant in one.points)
        sweep = next(points, None)
        name = sweep.name if sweep else variant
        if entry.learner:
            label = entry.label or name.replace("_", " ").capitalize()
        else:
            method = entry.method or name
            label = entry.label or (self.method(method).label if method == name else name)
        return f"{label} ({sweep.in_words(variant)})" if sweep else label

    def models(self, faults: Faults) -> dict[ModelKey, Model]:
        """Every model of the study.

        Args:
            faults: collects errors: two entries that would train a model differently, and models
                whose choices are contradictory or incomplete, which are left out.

        Raises:
            ConfigError: there are too many models.
        """
        models: dict[ModelKey, Model] = {}
        entries = self._keys.models.values()
        if (count := sum(map(self._count, entries))) > MOST:
            raise ConfigError(
                f"study file: models: it asks for {count:,} models, expected at most {MOST:,}; "
                "write fewer variants, settings or seeds"
            )
        for entry in entries:
            with faults.noted():
                for model in self._asked(entry, faults):
                    other = models.get(model.key)
                    models[model.key] = _measured_as_both(other, model) if other else model
        return models

    def _asked(self, asked: Models, faults: Faults) -> Iterator[Model]:
        """The models of one entry of `models`."""
        protocol = asked.protocol
        for variant, setting in product(self._variants_of(asked), asked.settings):
            with faults.noted(shared=protocol):
                learner, chosen = self.resolved(protocol, variant, setting, asked.choices)
                for seed in self._seeds_of(asked):
                    yield Model(
                        key=ModelKey(protocol, asked.dataset, variant, setting, seed),
                        learner=learner,
                        choices=chosen,
                        evaluate_on=asked.evaluate_on or (asked.dataset,),
                        splits=asked.splits,
                        probes=asked.probes,
                    )

    def _variants_of(self, asked: Models) -> Sequence[str]:
        every = self._keys.protocols[asked.protocol].variants
        return tuple(every) if asked.variants == "all" else asked.variants

    def _count(self, asked: Models) -> int:
        return len(self._variants_of(asked)) * len(asked.settings) * len(self._seeds_of(asked))

    def _seeds_of(self, asked: Models) -> Sequence[int]:
        return asked.seeds or self._keys.model_seeds

    def resolved(
        self, name: str, variant: str, setting: str, asked: Mapping[str, Any]
    ) -> tuple[Method | LearnerOptions, Mapping[str, Any]]:
        """A variant's method or learner and its choices in one setting.

        They come from, each overriding the one before: the protocol's `defaults`, its `by_setting`,
        what its method says itself, the `models` entry, the variant, and its own `by_setting`.

        Args:
            name: of the protocol.
            variant: of the protocol.
            setting: way and shot; empty: none in particular.
            asked: choices that an entry of `models` makes.

        Raises:
            ConfigError: they contradict each other, or say too little.
        """
        protocol = self._keys.protocols[name]
        entry = protocol.variants[variant]
        try:
            chosen = _merged(
                [
                    protocol.defaults.choices,
                    protocol.by_setting.get(setting, Choosing()).choices,
                    {} if entry.learner else self._said_of_method(entry.method or variant),
                    asked,
                    entry.choices,
                    entry.by_setting.get(setting, Choosing()).choices,
                ]
            )
            if setting and "iterations" not in chosen:
                raise ConfigError(
                    "nothing says for how many iterations it is trained; put iterations into the "
                    "protocol, the models entry or the variant"
                )
            check_network(chosen["network"], chosen["network_options"])
            if entry.learner:
                return self._learner(name, variant), {**chosen, _FOR_LEARNED: None}
            method = self._resolved_method(name, variant, chosen)
            return method, chosen if method.learn_step_size else {**chosen, _FOR_LEARNED: None}
        except (ConfigError, ExtensionError) as error:
            reason = str(error).removeprefix("study file: ")
            raise ConfigError(
                f"study file: protocols.{name}.variants.{variant}: {reason}"
            ) from error

    def _learner(self, protocol: str, variant: str) -> LearnerOptions:
        """A variant's learner that is not a method."""
        entry = self._keys.protocols[protocol].variants[variant]
        name, options = entry.learner or "", entry.learner_options
        said = {*entry.choices}.union(*(each.choices for each in entry.by_setting.values()))
        foreign = said.intersection(choices.OF_METHODS)
        if foreign := foreign | ({"method"} if entry.method else set()):
            raise ConfigError(
                f"{', '.join(sorted(foreign))}: of a method, and learner '{name}' is none; "
                "leave one of them out"
            )
        check_learner(name, options)
        return replace(learner(name, **options), label=self.label(protocol, variant))

    def _said_of_method(self, name: str) -> dict[str, Any]:
        """A method's own choices: the study file's, or what differs from `Method`'s defaults."""
        if name in self._keys.methods:
            values = self._keys.methods[name]
            return {key: value for key, value in values.items() if key in choices.HOMES[Method]}
        said = {key: getattr(self.method(name), key) for key in choices.HOMES[Method]}
        return {key: value for key, value in said.items() if value != choices.BASE[key]}

    def _resolved_method(self, protocol: str, variant: str, chosen: Mapping[str, Any]) -> Method:
        entry = self._keys.protocols[protocol].variants[variant]
        base = self.method(entry.method or variant)
        values = choices.pick(chosen, choices.HOMES[Method])
        method = replace(base, **values, label=self.label(protocol, variant))
        check_rule(method)
        if chosen["test_step_size"] is not None:
            with_test_step_size(method, chosen["test_step_size"])
        said = [entry.choices, *(each.choices for each in entry.by_setting.values())]
        if not method.learn_step_size and any(each.get(_FOR_LEARNED) for each in said):
            raise ConfigError(
                f"{_FOR_LEARNED}: method '{method.name}' learns no step sizes; leave it out, or "
                "choose a method that says learn_step_size"
            )
        return method


def _merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The choices of all layers merged, each layer overriding those before it.

    Options of an update rule override each other one by one; so do those of a network, until
    another network is named.
    """
    chosen = dict(choices.BASE)
    for layer in layers:
        options = {**chosen["rule_options"], **layer.get("rule_options", {})}
        kept = {} if "network" in layer else chosen["network_options"]
        of_network = {**kept, **layer.get("network_options", {})}
        said = {key: value for key, value in layer.items() if key in choices.NAMES}
        chosen.update(said, rule_options=options, network_options=of_network)
    return chosen


def _measured_as_both(one: Model, other: Model) -> Model:
    """A model that two entries of `models` ask for, with the measurements of both.

    Raises:
        ConfigError: they would train it differently.
    """
    if (one.learner, one.choices) != (other.learner, other.choices):
        said = [name for name in one.choices if one.choices[name] != other.choices.get(name)]
        asked = one.key.fill("{protocol}, {dataset}, {variant}, {setting}, seed {seed}")
        raise ConfigError(
            f"study file: models: two entries ask for {asked}, and say other things of its "
            f"{', '.join(said) or 'learner'}"
        )

    def both(these: Iterable[str], those: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*these, *those]))

    return replace(
        one,
        evaluate_on=both(one.evaluate_on, other.evaluate_on),
        splits=both(one.splits, other.splits),
        probes=both(one.probes, other.probes),
    )
