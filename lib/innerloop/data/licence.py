"""The terms that images come under."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """The terms that pictures come under; they travel with every store built from them."""

    name: str
    attribution: str
    url: str
    non_commercial: bool = False


UNSTATED = Licence(name="not stated", attribution="", url="")
