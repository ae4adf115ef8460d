"""What Innerloop knows by a short name: each is an entry, as a user's own would be.

Only what reads study files and the library's front doors import this, so that a new name does not
change the code that existing jobs reach.
"""

from __future__ import annotations

#: Data sets.
SOURCES: dict[str, str] = {
    "symbols": "innerloop.data.sources.symbols:source",
    "people": "innerloop.data.sources.people:source",
    "scripts": "innerloop.data.sources.scripts:source",
    "digits": "innerloop.data.sources.digits:source",
}

#: Data sets, of these and of the registry, whose classes are of one split each.
FEW_SHOT = frozenset(
    {"symbols", "people", "scripts", "mini_imagenet", "cub", "fc100", "cifar_fs", "omniglot"}
)

#: Of those that are drawn here: the classes of each split, and how many images the smallest has.
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

#: Learners of another kind than the methods.
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
    """Where a network's code is: a built-in one by its short name, or an entry."""
    return NETWORKS.get(name, name)
