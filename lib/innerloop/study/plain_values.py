"""The values of a study file as JSON has them, each in one form: equal numbers are equal text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from innerloop.runtime.errors import ConfigError
from innerloop.study.keys import is_option

#: Beyond this, floats do not tell one whole number from the next.
_WHOLE = 2.0**53


def plain_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """A study file's content, whole numbers as integers wherever Innerloop reads them.

    1.0, 1e0 and 1 mean the same, but a job's parameters are compared as text. Options that are
    handed on to a rule, a network, a learner or a user's own probe keep the type they have.

    Raises:
        ConfigError: a value is no number, text, list or mapping of JSON; names its key.
    """
    plain: dict[str, Any] = _plain(config, ())
    return plain


def _plain(value: Any, place: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise _refused(place, f"the key {key!r} is {_kind(key)}, expected text; quote it")
        return {key: _plain(inner, (*place, key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, (*place, str(number))) for number, inner in enumerate(value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(place, f"got {value}, expected a finite number")
        whole = value.is_integer() and abs(value) < _WHOLE and not is_option(place)
        return int(value) if whole else value
    if value is None or isinstance(value, str | bool | int):
        return value
    raise _refused(place, f"got {value!r}, which YAML reads as {_kind(value)}; quote it as text")


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _refused(place: tuple[str, ...], why: str) -> ConfigError:
    where = f"{'.'.join(place)}: " if place else ""
    return ConfigError(f"study file: {where}{why}")
