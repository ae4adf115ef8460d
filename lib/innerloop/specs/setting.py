"""A setting: the size of a task, as classes (way) and support images per class (shot)."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from innerloop.runtime.allowed import Allowed
from innerloop.runtime.errors import ConfigError

Setting: TypeAlias = Annotated[
    str,
    Allowed(
        pattern="^([2-9]|[1-9][0-9]{1,3})w[1-9][0-9]{0,3}s$",
        meaning="<way>w<shot>s with two ways or more, for example 5w1s",
    ),
]
_SETTING = re.compile(r"^([1-9]\d*)w([1-9]\d*)s$")


def way_and_shot(setting: str) -> tuple[int, int]:
    """`5w1s` -> (5, 1).

    Raises:
        ConfigError: it is not a setting.
    """
    match = _SETTING.match(setting)
    if not match:
        raise ConfigError(f"setting '{setting}': expected <way>w<shot>s, for example 5w1s")
    return int(match[1]), int(match[2])


def setting_label(way: int, shot: int) -> str:
    """`5-way 1-shot`."""
    return f"{way}-way {shot}-shot"


def in_full(setting: str) -> str:
    """`5w1s` -> `5-way 1-shot`, as people read it."""
    return setting_label(*way_and_shot(setting))
