"""The values of a study file as plain JSON in a canonical form: equal numbers are equal text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.study.keys import is_option

#: Beyond this, floats cannot represent every whole number.
_WHOLE = 2.0**53
#: Numbers that float32 can hold, in which networks compute.
_LARGEST = 3.4e38
#: Most values in a file, and deepest nesting: aliases of YAML repeat what they name.
_MOST, _DEEPEST = 50_000, 20
#: Longest key, which may become a folder's name, and longest text, in characters.
_LONGEST_KEY, _LONGEST = 200, 1000


def plain_values(config: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """A study file's content, whole numbers as integers wherever Innerloop reads them.

    1.0, 1e0 and 1 mean the same, but a job's parameters are compared as text. Options that are
    handed on to a rule, a network, a learner or a user's own probe keep the type they have.

    Args:
        config: the content.
        faults: where it is noted, by its key, that a value is no number, text, list or mapping of
            JSON, or too large or long; it is left out.

    Raises:
        ConfigError: it unfolds without end.
    """
    _require_bounded(config)
    plain: dict[str, Any] = _plain(config, (), faults)
    return plain


def _require_bounded(config: Mapping[str, Any]) -> None:
    """Refuse content that is infinite, or nearly so, once its aliases are expanded."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(config, ())]
    for count in range(_MOST):
        if not waiting:
            return
        value, place = waiting.pop()
        inner = [(each, (*place, str(key))) for key, each in _inside(value)]
        if inner and len(place) >= _DEEPEST:
            raise _refused(place[:3], f"lists and sections lie more than {_DEEPEST} deep in it")
        if len(inner) + count > _MOST:
            break
        waiting += inner
    raise ConfigError(
        f"study file: it holds more than {_MOST:,} values, with what its aliases (*name) repeat"
    )


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def _plain(value: Any, place: tuple[str, ...], faults: Faults) -> Any:
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise _refused(place, f"the key {key!r} is {_kind(key)}, expected text; quote it")
            if why := _unfit(key, _LONGEST_KEY):
                raise _refused(place, f"the key {key!r} {why}")
        plain = {}
        for key, inner in value.items():
            with faults.noted():
                plain[key] = _plain(inner, (*place, key), faults)
        return plain
    if isinstance(value, list | tuple):
        return [_plain(inner, (*place, str(at)), faults) for at, inner in enumerate(value)]
    if isinstance(value, str):
        # values that are only passed on may have any form that a file can contain
        of_users = is_option(place)
        if why := _unfit(value, math.inf if of_users else _LONGEST, several_lines=of_users):
            raise _refused(place, f"{value!r} {why}")
        return value
    if isinstance(value, float | int) and not isinstance(value, bool):
        if not abs(value) <= _LARGEST:  # also refuses NaN
            raise _refused(place, f"got {value}, expected a finite number")
        whole = float(value).is_integer() and abs(value) < _WHOLE and not is_option(place)
        return int(value) if whole else value
    if value is None or isinstance(value, bool):
        return value
    raise _refused(place, f"got {value!r}, which YAML reads as {_kind(value)}; quote it as text")


def _unfit(text: str, longest: float, *, several_lines: bool = False) -> str:
    """Why a text cannot be a name, label or path; empty if it can."""
    if len(text) > longest:
        return f"has {len(text)} letters, expected at most {longest}"
    kinds = {unicodedata.category(letter) for letter in text}
    if "Cs" in kinds:
        return "holds half a letter (a lone surrogate), which no file can hold"
    if kinds & {"Cc", "Zl", "Zp"} and not several_lines:
        return "holds a line break or control character; a block of YAML without one begins by >-"
    return ""


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _refused(place: tuple[str, ...], why: str) -> ConfigError:
    where = f"{'.'.join(place)}: " if place else ""
    return ConfigError(f"study file: {where}{why}")
