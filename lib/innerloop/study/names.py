"""Every name in a study file must be known where it is used, and free where it is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from innerloop.learners.gradient_based.methods import METHODS
from innerloop.measurements.described_study import RAW_PIXELS
from innerloop.papers.paper import SWEEPS, VERDICTS
from innerloop.runtime.built_in import FEW_SHOT, SOURCES
from innerloop.runtime.errors import ConfigError
from innerloop.study.checks import check_code, check_short_name, known
from innerloop.study.paths import LOGGED, fill
from innerloop.study.study_file import StudyFile

#: What `READS` of a figure or table may name besides probes; no probe may be called so.
RESERVED = frozenset({"accuracy", *LOGGED, "toy", *VERDICTS, SWEEPS})


def check_names(study: StudyFile) -> None:
    """Refuse a study file that names what there is not, or gives a name that is taken.

    Raises:
        ConfigError: says where in the study file it stands, and which names are known.
    """
    _check_own_names(study)
    for role, dataset in study.config.get("roles", {}).items():
        _known_dataset(study, dataset, f"roles.{role}")
    for dataset in study.keys.accept_licence:
        known(study.registry.variants, dataset, "accept_licence: data set")
    _check_papers(study)
    for dataset in study.config["datasets"]:
        _check_dataset(study, dataset)
    labels = [one.get("label", name) for name, one in study.config["datasets"].items()]
    _all_different("datasets", "data sets are labelled", labels)
    for protocol in study.config["protocols"]:
        _check_protocol(study, protocol)
    titles = [protocol.title or name for name, protocol in study.keys.protocols.items()]
    _all_different("protocols", "protocols are titled", titles)
    for probe in study.config.get("probes", {}):
        _check_probe(study, probe)
    for entry in study.config["models"]:
        _check_models(study, entry)
    if "toy" in study.config:
        _check_toy(study, study.config["toy"]["dataset"])


def _check_papers(study: StudyFile) -> None:
    """Each paper's results have a folder of its name; which must be free, and fit a path."""
    names = [fill("{paper}", paper=paper.name) for paper in study.papers.values()]
    for name, times in Counter(names).items():
        if times > 1:
            raise ConfigError(
                f"study file: papers: {times} folders are called '{name}', which names their "
                "figures and tables; rename one"
            )


def _check_own_names(study: StudyFile) -> None:
    """What a user's own methods and probes are called."""
    for name in study.config.get("methods", {}).keys() & METHODS.keys():
        raise ConfigError(f"study file: methods.{name}: that name is a built-in method's")
    for name in study.config.get("probes", {}).keys() & RESERVED:
        raise ConfigError(
            f"study file: probes.{name}: that name is taken in what figures and tables read"
        )


def _check_dataset(study: StudyFile, dataset: str) -> None:
    place = f"datasets.{dataset}"
    try:
        source = study.config["datasets"][dataset]["source"]
        check_short_name(source, [*SOURCES, *study.registry.variants])
        study.variant(dataset)
    except ConfigError as error:
        raise ConfigError(f"study file: {place}: {error}") from error
    check_code(f"{place}.source", study.source_entry(dataset))
    splits = study.config["datasets"][dataset].get("splits")
    if splits is not None and not Path(splits).is_file():
        raise ConfigError(f"study file: {place}.splits: there is no file {splits} in {Path.cwd()}")


def _check_protocol(study: StudyFile, protocol: str) -> None:
    place, variants = f"protocols.{protocol}", study.keys.protocols[protocol].variants
    for variant in variants:
        if variant == RAW_PIXELS:
            raise ConfigError(
                f"study file: {place}.variants.{variant}: that name is taken by the baseline on "
                "raw pixels"
            )
        study.check_variant(protocol, variant)
    labels = [study.label(protocol, variant) for variant in variants]
    _all_different(place, "variants are labelled", labels)


def _all_different(place: str, what: str, labels: Sequence[str]) -> None:
    """Refuse what could not be told apart in figures and tables."""
    for label, times in Counter(" ".join(label.split()) for label in labels).items():
        if times > 1:
            raise ConfigError(
                f"study file: {place}: {times} {what} '{label}'; call each by a name of its own"
            )


def _check_probe(study: StudyFile, probe: str) -> None:
    place, options = f"probes.{probe}", study.config["probes"][probe]
    check_code(place, study.probe_entry(probe))
    for dataset in [*options.get("datasets", []), *options.get("over_training", [])]:
        _known_dataset(study, dataset, place)


def _check_models(study: StudyFile, name: str) -> None:
    place, entry = f"models.{name}", study.keys.models[name]
    protocol = entry.protocol
    variants = known(study.keys.protocols, protocol, f"{place}: protocol").variants
    for variant in () if entry.variants == "all" else entry.variants:
        known(variants, variant, f"{place}: variant of {protocol}")
    for dataset in [entry.dataset, *(entry.evaluate_on or ())]:
        _known_dataset(study, dataset, place)
    for probe in entry.probes:
        known(study.config.get("probes", {}), probe, f"{place}: probe")


def _check_toy(study: StudyFile, dataset: str) -> None:
    _known_dataset(study, dataset, "toy")
    source = study.config["datasets"][dataset]["source"]
    if source in FEW_SHOT:
        raise ConfigError(
            f"study file: toy.dataset: '{source}' is for few-shot learning, with other classes to "
            "train than to test on; the toy needs every class in both, as digits and cifar10 have"
        )


def _known_dataset(study: StudyFile, dataset: str, place: str) -> None:
    known(study.config["datasets"], dataset, f"{place}: data set")
