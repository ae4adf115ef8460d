"""The key of a model: the wildcards of its path."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from innerloop.errors import ConfigError

_SETTING = re.compile(r"^([1-9]\d*)w([1-9]\d*)s$")


@dataclass(frozen=True, order=True)
class ModelKey:
    """Which model: protocol, training data set, variant, setting and seed."""

    protocol: str
    dataset: str
    variant: str
    setting: str
    seed: int

    def fill(self, pattern: str, **more: Any) -> str:
        """A path pattern with this key's values."""
        return pattern.format(**asdict(self), **more)


def way_and_shot(setting: str) -> tuple[int, int]:
    """`5w1s` -> (5, 1).

    Raises:
        ConfigError: it is not a setting.
    """
    found = _SETTING.match(setting)
    if not found:
        raise ConfigError(f"setting '{setting}': expected <way>w<shot>s, for example 5w1s")
    return int(found[1]), int(found[2])
