"""What the values of a documented field may be, beside their type: for schemas and for readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias


@dataclass(frozen=True)
class Allowed:
    """Limits of a number, the pattern of a text, or the least items of a list.

    Attributes:
        least: the smallest number.
        most: the largest number.
        above: what a number is larger than.
        below: what a number is smaller than.
        pattern: regular expression of a text.
        items: items that a list has at least.
        meaning: what a value of this type is, in words.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    pattern: str | None = None
    items: int | None = None
    meaning: str = ""


#: How many there are of something: more than this is a slip of the finger.
Count: TypeAlias = Annotated[int, Allowed(least=1, most=10**7)]
Natural: TypeAlias = Annotated[int, Allowed(least=0, most=10**7)]
#: Filters of a layer; as many again squared are the weights of the next one.
Filters: TypeAlias = Annotated[int, Allowed(least=1, most=10**4)]
#: Inner steps: each runs the network, and training keeps what each has computed.
Steps: TypeAlias = Annotated[int, Allowed(least=0, most=10**4)]
#: Tables hold seeds as 64-bit integers.
Seed: TypeAlias = Annotated[int, Allowed(least=0, most=2**63 - 1)]
#: PyTorch ends without a word where it cannot start so many.
Threads: TypeAlias = Annotated[int, Allowed(least=1, most=1024)]
#: Conv4 halves an image four times; a side of 1024 makes a task of 50 images 600 MB.
ImageSize: TypeAlias = Annotated[int, Allowed(least=16, most=1024)]
Positive: TypeAlias = Annotated[float, Allowed(above=0)]
Device: TypeAlias = Annotated[str, Allowed(pattern="^(cpu|cuda(:[0-9]+)?)$")]
Name: TypeAlias = Annotated[
    str,
    Allowed(
        pattern="^[a-z][a-z0-9_]*$",
        meaning="a name of lower-case letters, digits and _ that begins with a letter",
    ),
]
Split: TypeAlias = Literal["train", "val", "test"]
