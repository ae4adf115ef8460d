"""The short names of Innerloop's own code, each with its entry.

Only the code that reads study files and the library's public functions import this module, so that
a new name does not change the code digests of existing jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import entry_of
from innerloop.runtime.suggestions import instead_of

#: Data sets.
SOURCES: dict[str, str] = {
    "symbols": "innerloop.data.sources.symbols:source",
    "people": "innerloop.data.sources.people:source",
    "scripts": "innerloop.data.sources.scripts:source",
    "digits": "innerloop.data.sources.digits:source",
}

#: Data sets, here or in the registry, in which each class belongs to one split only.
FEW_SHOT = frozenset(
    {"symbols", "people", "scripts", "mini_imagenet", "cub", "fc100", "cifar_fs", "omniglot"}
)

#: Built-in data set -> split -> (number of classes, images in the smallest class).
CLASSES: dict[str, dict[str, tuple[int, int]]] = {
    "symbols": {"train": (64, 40), "val": (16, 40), "test": (20, 40)},
    "people": {"train": (44, 36), "val": (11, 36), "test": (14, 36)},
    "scripts": {"train": (64, 40), "val": (24, 40), "test": (24, 40)},
    "digits": {"train": (10, 131), "test": (10, 43)},
}

#: Update rules.
UPDATE_RULES: dict[str, str] = {
    "sgd": "innerloop.learners.gradient_based.update_rules.rules:sgd",
    "scaled_lr": "innerloop.learners.gradient_based.update_rules.rules:scaled_lr",
    "scaled_lr_layer": "innerloop.learners.gradient_based.update_rules.rules:scaled_lr_layer",
    "unit_norm": "innerloop.learners.gradient_based.update_rules.rules:unit_norm",
}

#: Learners without an inner loop.
LEARNERS: dict[str, str] = {
    "prototypes": "innerloop.learners.prototypes:Prototypes",
    "ridge": "innerloop.learners.ridge:Ridge",
    "pretrained": "innerloop.learners.pretrained:Pretrained",
}

#: Networks.
NETWORKS: dict[str, str] = {
    "conv4": "innerloop.networks.conv4:Conv4",
    "resnet12": "innerloop.networks.resnet12:ResNet12",
}

#: Probes; accuracy is measured like one, under `evaluate` instead of `probes`.
PROBES: dict[str, str] = {
    "cka": "innerloop.probes.cka:cka",
    "inner_steps": "innerloop.probes.inner_steps:inner_steps",
    "interventions": "innerloop.probes.interventions:interventions",
    "other_settings": "innerloop.probes.other_settings:other_settings",
    "other_similarities": "innerloop.probes.other_similarities:other_similarities",
    "own_change": "innerloop.probes.own_change:own_change",
    "protonet": "innerloop.probes.protonet:protonet",
    "scale_invariance": "innerloop.probes.scale_invariance:scale_invariance",
}
ACCURACY = "innerloop.probes.accuracy:accuracy"


def network_entry(name: str) -> str:
    """The entry of a network that is given by its short name or already by its entry."""
    return NETWORKS.get(name, name)


def named_entry(argument: str, code: object, short: Mapping[str, str]) -> str:
    """The entry of code that is given by its short name, by its entry, or itself.

    Raises:
        ConfigError: there is no such short name; lists those that there are.
        InputError: it is an object that cannot be imported again.
    """
    entry = entry_of(argument, code)
    check_short_name(entry, short, f"{argument} ")
    return short.get(entry, entry)


def check_short_name(name: str, short: Iterable[str], of: str = "") -> None:
    """Refuse a name that is neither one of the short names nor written as an entry.

    Raises:
        ConfigError: with the short names, and how an entry is written; begins with `of`.
    """
    if ":" not in name and name not in (names := [*short]):
        raise ConfigError(
            f"{of}'{name}' is unknown{instead_of(name, names)}; "
            "code of your own is named path/to/file.py:name"
        )
