"""The terms that images come under."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """The terms that pictures come under; they travel with every store built from them.

    Attributes:
        name: name of the licence.
        attribution: whom to name or cite.
        url: address of the terms.
        non_commercial: whether they must be accepted before use.
        redistributable: whether the pictures may be passed on. If nothing is stated they may not,
            and no report or bundle shows them.
    """

    name: str
    attribution: str
    url: str
    non_commercial: bool = False
    redistributable: bool = False


UNSTATED = Licence(name="not stated", attribution="", url="")
