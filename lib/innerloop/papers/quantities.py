"""What claims are about: every quantity, where it is read, and from which measurements.

Snakemake reads this file while it parses the workflow, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from innerloop.measurements.described_study import METHODS_MAY_DIFFER


@dataclass(frozen=True)
class Quantity:
    """A quantity that claims are about.

    Attributes:
        title: what it is called.
        unit: of its values and of margins.
        replicate: what repeats it: `tasks` or `seeds`.
        digits: decimals worth printing.
        entry: `package.module:function` that reads its values.
        reads: the table it is read from.
        may_differ: protocol columns in which two variants may differ and be compared.
    """

    title: str
    unit: str
    replicate: str
    digits: int
    entry: str
    reads: str
    may_differ: frozenset[str] = frozenset()


def _quantity(
    name: str,
    reads: str,
    replicate: str,
    title: str,
    unit: str,
    digits: int,
    may_differ: frozenset[str] = frozenset(),
) -> tuple[str, Quantity]:
    entry = f"innerloop.papers.readings:{name}"
    return name, Quantity(title, unit, replicate, digits, entry, reads, may_differ)


QUANTITIES: Mapping[str, Quantity] = dict(
    [
        _quantity("accuracy", "accuracy", "tasks", "accuracy", "points", 1, METHODS_MAY_DIFFER),
        _quantity("cka", "cka", "tasks", "CKA", "", 3),
        _quantity("weight_norm", "weight_norm", "seeds", "weight norm", "%", 1),
        _quantity(
            "weight_norm_growth", "weight_norm", "seeds", "growth of the weight norm", "%", 1
        ),
        _quantity(
            "negative_step_sizes", "step_size", "seeds", "share of negative step sizes", "%", 1
        ),
        _quantity("mean_step_size", "step_size", "seeds", "mean step size", "", 4),
        _quantity("prototype_accuracy", "protonet", "tasks", "prototype accuracy", "points", 2),
        _quantity(
            "prototype_change", "protonet", "tasks", "change of prototype accuracy", "points", 2
        ),
        _quantity("toy_accuracy", "toy", "seeds", "toy accuracy", "points", 2),
    ]
)
