"""Checks of the names in a study file: its own entries, and code, which is not imported."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from importlib.util import find_spec
from typing import Any

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.update_rules.declaration import check_source
from innerloop.runtime.built_in import LEARNERS, NETWORKS, UPDATE_RULES, check_short_name
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.extensions import (
    check_entry,
    check_options,
    declared_options,
    split_entry,
    statements,
)
from innerloop.runtime.suggestions import instead_of
from innerloop.specs.probe_options import OtherSimilaritiesOptions, possible_settings
from innerloop.study.keys import StudyKeys
from innerloop.study.model import Model


def known(group: Mapping[str, Any], name: str, what: str) -> Any:
    """The entry of a group that has a name.

    Raises:
        ConfigError: there is none; the message says `what` is unknown, and which are known.
    """
    if name not in group:
        raise ConfigError(f"study file: {what} '{name}' is unknown{instead_of(name, group)}")
    return group[name]


def check_code(place: str, entry: str, check: Callable[[str], object] = check_entry) -> None:
    """Refuse an entry that fails a check, by default that its file defines its name.

    Args:
        place: where in the study file the entry is.
        entry: the entry to check.
        check: raises ExtensionError if the entry fails.

    Raises:
        ConfigError: the entry fails; the message says where in the study file it is.
    """
    try:
        check(entry)
    except ExtensionError as error:
        raise ConfigError(f"study file: {place}: {error}") from error


def check_rule(method: Method) -> None:
    """Refuse a method whose update rule does not exist, takes other options, or moves nothing.

    Raises:
        ConfigError: no rule has that short name, or the method contradicts it.
        ExtensionError: the rule's file does not define it, or only for roles that do not exist.
    """
    check_short_name(method.update_rule, UPDATE_RULES)
    check_source(method)


def check_network(name: str, options: Mapping[str, Any]) -> None:
    """Refuse a network that does not exist or takes other arguments; nothing is imported.

    Raises:
        ConfigError: no network has that short name, or it does not take an option.
        ExtensionError: the file does not define it.
    """
    _check_call("network", name, NETWORKS, ("way", "image_size", "channels"), options)


def check_learner(name: str, options: Mapping[str, Any]) -> None:
    """Refuse a learner that does not exist or takes other arguments; nothing is imported.

    Raises:
        ConfigError: no learner has that short name, or it does not take an option.
        ExtensionError: the file does not define it.
    """
    _check_call("learner", name, LEARNERS, (), options)


def _check_call(
    what: str,
    name: str,
    built_in: Mapping[str, str],
    given: Sequence[str],
    options: Mapping[str, Any],
) -> None:
    """Refuse an entry that cannot be called with the given positional arguments and options."""
    check_short_name(name, built_in)
    entry = built_in.get(name, name)
    name = next((short for short, place in built_in.items() if place == entry), name)
    body = statements(check_entry(entry))
    made_by = _call_of(body, split_entry(entry)[1])
    if made_by is None:  # errors will show when it is imported
        return
    names = [argument.arg for argument in made_by.posonlyargs + made_by.args]
    if len(names) < len(given) and made_by.vararg is None:
        raise ConfigError(
            f"{what} '{name}' takes {', '.join(names) or 'nothing'}; it is called with "
            f"({', '.join(given)}, **{what}_options)"
        )
    if made_by.kwarg is None:
        takes = declared_options(made_by, body, given=len(given))
        check_options(f"{what} '{name}'", f"{what}_options", takes, options)


def _call_of(body: list[ast.stmt], name: str) -> ast.arguments | None:
    """Arguments of a function, of a class's own `__init__` without `self`, or of a dataclass."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node.args
        if isinstance(node, ast.ClassDef) and node.name == name:
            made_by = copy(_call_of(node.body, "__init__"))
            if made_by is not None:
                made_by.args = made_by.args[1:]
            return made_by or _fields_of(node)
    return None


def _fields_of(made: ast.ClassDef) -> ast.arguments | None:
    """The fields of a dataclass that inherits none, or only those of `FeatureLearner`."""
    named = [ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in made.decorator_list]
    bases = {ast.unparse(base).rpartition(".")[2] for base in made.bases}
    if "dataclass" not in named or not bases <= {"FeatureLearner"}:
        return None
    fields = [
        (ast.arg(node.target.id, node.annotation), node.value)
        for node in made.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and "ClassVar" not in ast.unparse(node.annotation)
    ]
    takes, defaults = [argument for argument, _ in fields], [value for _, value in fields]
    return ast.arguments([], [], None, takes, defaults, None, [])


def check_over_training(model: Model, keys: StudyKeys) -> None:
    """Refuse a probe that follows a model over training but is not run on its own data set.

    Raises:
        ConfigError: says what to add.
    """
    own, probes = model.key.dataset, keys.probes
    for probe in model.probes:
        measured_on = model.measured_on(probes[probe])
        if own in probes[probe].get("over_training", []) and own not in measured_on:
            raise ConfigError(
                f"study file: probes.{probe}.over_training: models of '{own}' are measured on "
                f"{', '.join(measured_on)} alone; add '{own}' to probes.{probe}.datasets, or to "
                "evaluate_on of these models"
            )


def check_other_settings(model: Model, keys: StudyKeys) -> None:
    """Refuse `other_settings` if no setting has as many ways as the model's head has classes.

    Raises:
        ConfigError: naming settings that it could be measured in.
    """
    if "other_settings" not in model.probes:
        return
    settings = keys.probes["other_settings"]["settings"]
    if not possible_settings(settings, model.learner, model.way):
        raise ConfigError(
            f"study file: probes.other_settings.settings: {', '.join(settings)}: models of "
            f"{model.key.setting} by a method have a head of {model.way} classes, and can be "
            f"measured on tasks of {model.way} ways alone; add such a setting, as "
            f"{model.way}w{model.shot + 4}s, or leave the probe out of these models. (Learners "
            "that make a head per task, such as prototypes and ridge, can be measured in any.)"
        )


def check_similarities(model: Model, keys: StudyKeys) -> None:
    """Refuse to measure similarity on too few query images for it to be defined.

    Debiased CKA needs 4; neighbourhoods need images outside of them.

    Raises:
        ConfigError: says how many a task has, and how many it needs.
    """
    images = model.way * keys.evaluation.queries
    by_default = OtherSimilaritiesOptions.neighbours
    neighbours = keys.probes.get("other_similarities", {}).get("neighbours", by_default)
    needed = {"cka": 4, "inner_steps": 4, "own_change": 4, "other_similarities": neighbours + 2}
    for probe in model.probes:
        if images < needed.get(probe, 0):
            raise ConfigError(
                f"study file: evaluation.queries: a task of {model.key.setting} has {images} query "
                f"images, and the probe {probe} needs at least {needed[probe]}"
            )


def check_tensorboard() -> None:
    """Refuse to write event files where the package that torch's writer needs is not installed.

    Raises:
        ConfigError: naming the extra.
    """
    if find_spec("tensorboard") is None:
        raise ConfigError(
            "study file: compute.tensorboard is true, and the package tensorboard is not "
            "installed; install Innerloop's extra, pip install 'innerloop[tensorboard]', or leave "
            "the key out"
        )
