"""Constraints on the values of documented fields, beyond their types: for schemas and readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias


@dataclass(frozen=True)
class Allowed:
    """Limits of a number, the pattern of a string, or the minimum length of a list.

    Attributes:
        least: minimum of a number.
        most: maximum of a number.
        above: exclusive lower bound of a number.
        below: exclusive upper bound of a number.
        pattern: regular expression for a string.
        items: minimum number of items in a list.
        meaning: what a value of this type is, in words.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    pattern: str | None = None
    items: int | None = None
    meaning: str = ""


#: A number of things; a larger one is taken for a typing error.
Count: TypeAlias = Annotated[int, Allowed(least=1, most=10**7)]
Natural: TypeAlias = Annotated[int, Allowed(least=0, most=10**7)]
#: Filters of a layer; the number of weights grows with their square.
Filters: TypeAlias = Annotated[int, Allowed(least=1, most=10**4)]
#: Inner steps: each runs the network, and training keeps every step's activations.
Steps: TypeAlias = Annotated[int, Allowed(least=0, most=10**4)]
#: Tables hold seeds as 64-bit integers.
Seed: TypeAlias = Annotated[int, Allowed(least=0, most=2**63 - 1)]
#: PyTorch exits without a message if it cannot start this many threads.
Threads: TypeAlias = Annotated[int, Allowed(least=1, most=1024)]
#: Conv4 halves an image four times; a side of 1024 makes a task of 50 images 600 MB.
ImageSize: TypeAlias = Annotated[int, Allowed(least=16, most=1024)]
Positive: TypeAlias = Annotated[float, Allowed(above=0)]
Device: TypeAlias = Annotated[
    str, Allowed(pattern="^(cpu|cuda(:[0-9]+)?)$", meaning="cpu, cuda, or cuda:<number>")
]
Name: TypeAlias = Annotated[
    str,
    Allowed(
        pattern="^[a-z][a-z0-9_]*$",
        meaning="a name of lower-case letters, digits and _ that begins with a letter",
    ),
]
Split: TypeAlias = Literal["train", "val", "test"]
