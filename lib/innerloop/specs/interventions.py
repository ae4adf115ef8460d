"""Interventions: changes of adaptation at test time, which show what each part of it is worth.

An intervention is a name and, if it concerns one layer, that layer. The probe that makes them, the
tables that expect them and the estimate of their cost all read this list, which needs no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, Literal, TypeAlias

Which: TypeAlias = Literal["default", "all"]
#: Its name, and its layer or "".
Intervention: TypeAlias = tuple[str, str]

HEAD: Final = "head"

#: What the names mean. Those of step sizes change the step sizes of all layers.
MEANINGS: dict[str, str] = {
    "everything": "all that the method adapts adapts: what the others are compared with",
    "nothing": "nothing adapts",
    "frozen": "the layer stays as it is, and all others adapt",
    "only": "the layer adapts alone",
    "prototypes": "after adaptation, the nearest class mean of features instead of the head",
    "step_sizes_doubled": "every step size times 2",
    "another_task": "adapted to another task, judged on this one",
    "step_sizes_clamped": "negative step sizes are 0",
    "frozen_up_to": "the layer and all before it stay as they are",
    "only_weight": "the layer's weight adapts alone, without its bias, gamma and beta",
    "norm_frozen": "gamma and beta stay as they are",
    "prototypes_of_slow": "the nearest class mean of features that did not adapt (ANIL's NIL)",
    "step_sizes_halved": "every step size times 1/2",
    "step_sizes_tripled": "every step size times 3",
    "another_task_of_same_classes": "adapted to other images of the same classes",
    "another_task_of_other_classes": "adapted to a task that has no class in common",
    "labels_permuted": "the mean of six adaptations, each with the classes numbered anew",
    "step_sizes_absolute": "every step size without its sign",
    "step_sizes_flipped": "every step size with the other sign",
    "step_sizes_shuffled": "step sizes shuffled within their tensor",
    "step_sizes_mean": "every step size is the mean of its tensor",
    "step_sizes_at_start": "step sizes as before training",
    "step_sizes_swapped": "the mean of the last body layer's and that of the head's change places",
}

#: The interventions on one layer.
OF_A_LAYER: Final = ("frozen", "only", "frozen_up_to", "only_weight")

#: The interventions that are also measured at checkpoints during training.
FOLLOWED: tuple[Intervention, ...] = (
    ("everything", ""), ("nothing", ""), ("frozen", HEAD), ("only", HEAD),
)  # fmt: skip


def interventions(
    which: Which, layers: Iterable[str], *, moving: Collection[str], learned: str | bool
) -> list[Intervention]:
    """The interventions on a network's adaptation, with the unchanged adaptation first.

    Args:
        which: on Conv4, `default` gives 11 and `all` 31; 12 and 38 if step sizes are learned.
        layers: of the network, including the head.
        moving: roles of the parameters that adapt; if none do, there are no interventions.
        learned: how step sizes are learned: per `parameter`, `layer` or `step_and_layer`; or False.
    """
    if not moving:
        return []
    each = list(layers)
    body = [layer for layer in each if layer != HEAD]
    found: list[Intervention] = [("everything", ""), ("nothing", "")]
    found += [("frozen", layer) for layer in each]
    found += [("only", HEAD)]
    whole = ["prototypes", "step_sizes_doubled", "another_task"]
    whole += ["step_sizes_clamped"] if learned else []
    if which == "all":
        found += [(name, layer) for name in ("only", "frozen_up_to") for layer in body]
        found += [("only_weight", layer) for layer in each]
        rest = [*MEANINGS][[*MEANINGS].index("norm_frozen") :]
        whole += [name for name in rest if _changes(name, moving, learned)]
    return [*found, *((name, "") for name in whole)]


#: The kinds of learned step sizes that an intervention applies to; those not listed always apply.
_OF_LEARNED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("step_sizes_absolute", "step_sizes_flipped", "step_sizes_at_start", "step_sizes_swapped"),
        ("parameter", "layer", "step_and_layer"),
    ),
    # a single step size is its own mean
    **dict.fromkeys(("step_sizes_shuffled", "step_sizes_mean"), ("parameter", "step_and_layer")),
}


def _changes(name: str, moving: Collection[str], learned: str | bool) -> bool:
    """Whether an intervention is defined and changes anything."""
    if name == "step_sizes_swapped" and not {HEAD, "conv_weight"} <= {*moving}:
        return False
    return name not in _OF_LEARNED or learned in _OF_LEARNED[name]
