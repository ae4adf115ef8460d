"""Checks the values of a dataclass against the types and limits that annotate its fields."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from innerloop.runtime.allowed import Allowed
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.typed_json import field_types

_IN_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
    Mapping: "names and values",
    NoneType: "None",
}


def require_fields(values: Any, of: str = "") -> None:
    """Refuse a value that is not of its field's type, or beyond its limits.

    A list may stand for a tuple, and a number of NumPy's for one of Python's.

    Args:
        values: a dataclass.
        of: what it is; begins the message.

    Raises:
        ConfigError: names the field and its value, and says what was expected.
    """
    cls: Any = type(values)
    for name, kind in field_types(cls).items():
        value = getattr(values, name)
        if not _allows(kind, value):
            start = f"{of}: " if of else ""
            verb = "choose from" if get_origin(kind) is Literal else "expected"
            raise ConfigError(f"{start}{name} is {value!r}; {verb} {_in_words(kind)}")


def _allows(kind: Any, value: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _allows(inner[0], value) and _within(inner[1], value)
    if origin in (Union, UnionType):
        return any(_allows(one, value) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return len(kinds) == len(value) and all(map(_allows, kinds, value))
    if kind in (int, float):
        number = Integral if kind is int else Real
        return isinstance(value, number) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, origin or kind)


def _within(limits: Allowed, value: Any) -> bool:
    if limits.pattern is not None:
        return re.search(limits.pattern, value) is not None
    return (
        (limits.least is None or value >= limits.least)
        and (limits.most is None or value <= limits.most)
        and (limits.above is None or value > limits.above)
    )


def _in_words(kind: Any) -> str:
    """The values of a type: `a whole number from 1 to 1,024`."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return inner[1].meaning or f"{_in_words(inner[0])}{_limits_in_words(inner[1])}"
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, inner))
    if origin is Literal:
        return ", ".join(map(str, inner))
    if origin is tuple and inner[1:] != (...,):
        return f"[{', '.join(map(_in_words, inner))}]"
    if origin is tuple:
        return f"a list, each item {_in_words(inner[0])}"
    return _IN_WORDS[origin or kind]


def _limits_in_words(limits: Allowed) -> str:
    if limits.most is not None:
        return f" from {limits.least:,} to {limits.most:,}"
    return f" above {limits.above:g}" if limits.above is not None else f", {limits.least} or more"
