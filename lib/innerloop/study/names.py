"""Checks that every name used in a study file is known, and that new names are not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from functools import partial
from pathlib import Path

from innerloop.data.sources.declaration import check_declared
from innerloop.data.split_file import read_split_file
from innerloop.learners.gradient_based.methods import METHODS
from innerloop.measurements.described_study import RAW_PIXELS
from innerloop.papers.paper import OWN, SWEEPS, VERDICTS, Paper
from innerloop.runtime.built_in import FEW_SHOT, PROBES, SOURCES, UPDATE_RULES, check_short_name
from innerloop.runtime.errors import ConfigError, DataError
from innerloop.runtime.faults import Faults
from innerloop.specs.probe_options import OPTIONS
from innerloop.study.checks import check_code, known
from innerloop.study.datasets import Datasets
from innerloop.study.keys import TRAINED_ON, StudyKeys
from innerloop.study.paths import LOGGED, fill
from innerloop.study.variants import Variants

#: Names that `READS` of a figure or table may contain besides probes; no probe may have them.
RESERVED = frozenset({"accuracy", *LOGGED, "toy", *VERDICTS, SWEEPS})


def check_names(
    keys: StudyKeys,
    papers: Mapping[str, Paper],
    datasets: Datasets,
    variants: Variants,
    faults: Faults,
) -> None:
    """Note unknown names in a study file, and new names in it that are already taken.

    Each message says where in the study file the name is, and which names are known.
    """
    _check_own_names(keys, faults)
    for role, dataset in asdict(keys.roles).items():
        if dataset is not None:
            _check_data(keys, [dataset], f"roles.{role}", faults)
    for dataset in keys.accept_licence:
        with faults.noted():
            known(datasets.registry.variants, dataset, "accept_licence: data set")
    _check_papers(papers, faults)
    for dataset in keys.datasets:
        with faults.noted():
            _check_source(keys, datasets, dataset)
        with faults.noted():
            _check_split_file(keys, dataset)
    labels = [entry.label or name for name, entry in keys.datasets.items()]
    _all_different("datasets", "data sets are labelled", labels, faults)
    broken = [name for name in keys.methods if not _has_rule(keys, name, faults)]
    for protocol in keys.protocols:
        _check_protocol(keys, variants, protocol, broken, faults)
    titles = [protocol.title or name for name, protocol in keys.protocols.items()]
    _all_different("protocols", "protocols are titled", titles, faults)
    for probe in keys.probes:
        _check_probe(keys, probe, faults)
    for entry in keys.models:
        _check_models(keys, entry, faults)
    if keys.toy:
        with faults.noted():
            _check_toy(keys, keys.toy.dataset)


def _check_papers(papers: Mapping[str, Paper], faults: Faults) -> None:
    """Each paper's results have a folder of its name, which must be unique and fit a path."""
    folders: dict[str, list[str]] = {}
    for place, paper in papers.items():
        folders.setdefault(fill("{paper}", paper=paper.name), []).append(place)
    for name, places in folders.items():
        if len(places) > 1:
            said = f"{len(places)} folders are called '{name}'"
            if name in places:
                of = "the study's own results" if name == OWN else f"Innerloop's paper '{name}'"
                said = f"'{name}' is the folder of {of}, and {places[-1]} is called so, too"
            faults.note(
                ConfigError(
                    f"study file: papers: {said}; figures and tables go by that name: rename yours"
                )
            )


def _check_own_names(keys: StudyKeys, faults: Faults) -> None:
    """The names of the user's own methods and probes must be free."""
    for name in keys.methods.keys() & METHODS.keys():
        error = f"study file: methods.{name}: that name is a built-in method's"
        faults.note(ConfigError(error))
    for name in keys.probes.keys() & RESERVED:
        error = f"study file: probes.{name}: that name is taken in what figures and tables read"
        faults.note(ConfigError(error))


def _check_source(keys: StudyKeys, datasets: Datasets, dataset: str) -> None:
    place = f"datasets.{dataset}"
    try:
        check_short_name(keys.datasets[dataset].source, [*SOURCES, *datasets.registry.variants])
        variant = datasets.variant(dataset)
    except ConfigError as error:
        raise ConfigError(f"study file: {place}: {error}") from error
    declared = partial(check_declared, reads_files=variant is not None)
    check_code(f"{place}.source", datasets.source_entry(dataset), declared)


def _check_split_file(keys: StudyKeys, dataset: str) -> None:
    place = f"datasets.{dataset}"
    splits = keys.datasets[dataset].splits
    if splits is None:
        return
    if not Path(splits).is_file():
        raise ConfigError(f"study file: {place}.splits: there is no file {splits} in {Path.cwd()}")
    try:
        read_split_file(Path(splits))
    except DataError as error:
        raise ConfigError(f"study file: {place}.splits: {error}") from error


def _has_rule(keys: StudyKeys, method: str, faults: Faults) -> bool:
    """Whether the update rule of a method of the user's exists; if not, it is noted there."""
    place, rule = f"methods.{method}.update_rule", keys.methods[method].get("update_rule", "sgd")
    try:
        check_short_name(rule, UPDATE_RULES, f"study file: {place}: ")
        check_code(place, UPDATE_RULES.get(rule, rule))
    except ConfigError as error:
        faults.note(error)
        return False
    return True


def _check_protocol(
    keys: StudyKeys, variants: Variants, protocol: str, broken: Container[str], faults: Faults
) -> None:
    place, labels = f"protocols.{protocol}", []
    for variant, entry in keys.protocols[protocol].variants.items():
        if not entry.learner and (entry.method or variant) in broken:
            continue
        with faults.noted(shared=protocol):
            if variant == RAW_PIXELS:
                raise ConfigError(
                    f"study file: {place}.variants.{variant}: that name is taken by the baseline "
                    "on raw pixels"
                )
            variants.resolved(protocol, variant, "", {})  # even if no model uses it
            labels.append(variants.label(protocol, variant))
    _all_different(place, "variants are labelled", labels, faults)


def _all_different(place: str, what: str, labels: Sequence[str], faults: Faults) -> None:
    """Note labels that occur more than once, which figures and tables could not distinguish."""
    for label, times in Counter(" ".join(label.split()) for label in labels).items():
        if times > 1:
            error = f"study file: {place}: {times} {what} '{label}'; call each by a name of its own"
            faults.note(ConfigError(error))


def _check_probe(keys: StudyKeys, probe: str, faults: Faults) -> None:
    place, options = f"probes.{probe}", keys.probes[probe]
    with faults.noted():
        check_code(place, keys.probe_entry(probe))
    named = options.get("datasets", [])
    listed = [] if named == TRAINED_ON else named
    _check_data(keys, [*listed, *options.get("over_training", [])], place, faults)


def _check_models(keys: StudyKeys, name: str, faults: Faults) -> None:
    place, entry = f"models.{name}", keys.models[name]
    protocol = entry.protocol
    with faults.noted():
        variants = known(keys.protocols, protocol, f"{place}: protocol").variants
        for variant in () if entry.variants == "all" else entry.variants:
            with faults.noted():
                known(variants, variant, f"{place}: variant of {protocol}")
    _check_data(keys, [entry.dataset, *(entry.evaluate_on or ())], place, faults)
    for probe in entry.probes:
        with faults.noted():
            if probe in PROBES and probe not in keys.probes:
                raise ConfigError(
                    f"study file: {place}: probe '{probe}' is built in, and needs its options "
                    f"under probes, such as probes: {{{probe}: {_example(probe)}}}"
                )
            known({**dict.fromkeys(PROBES), **keys.probes}, probe, f"{place}: probe")


def _example(probe: str) -> str:
    """The options that a built-in probe must be given, as `{tasks: 100}`."""
    values = {"tasks": "100", "settings": "[5w1s]"}
    needed = [field.name for field in fields(OPTIONS[probe]) if field.default is MISSING]
    return f"{{{', '.join(f'{name}: {values[name]}' for name in needed)}}}"


def _check_toy(keys: StudyKeys, dataset: str) -> None:
    known(keys.datasets, dataset, "toy: data set")
    source = keys.datasets[dataset].source
    if source in FEW_SHOT:
        raise ConfigError(
            f"study file: toy.dataset: '{source}' is for few-shot learning, with other classes to "
            "train than to test on; the toy needs every class in both, as digits and cifar10 have"
        )


def _check_data(keys: StudyKeys, datasets: Iterable[str], place: str, faults: Faults) -> None:
    for dataset in datasets:
        with faults.noted():
            known(keys.datasets, dataset, f"{place}: data set")
