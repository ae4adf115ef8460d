"""Frozen dataclasses as JSON values, and back: what one program writes, another reads typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.suggestions import instead_of

T = TypeVar("T")

#: Metadata of the field that collects all keys without a field of their own.
REST = {"rest": True}


def as_json(value: Any) -> Any:
    """A dataclass as a mapping of every field, a tuple as a list; plain values as they are."""
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(inner) for inner in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Real):  # a number of NumPy's
        return int(value) if isinstance(value, Integral) else float(value)
    raise TypeError(f"{value!r} is not a JSON value")


def from_json(cls: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass that `as_json` wrote; a field that is left out has its default.

    Raises:
        ConfigError: a key is missing or unknown, or a value does not fit its field.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{cls.__name__}: got {values!r}, expected keys and values")
    hints = field_types(cast(Any, cls))
    values = _with_rest(cast(Any, cls), values)
    if unknown := sorted(values.keys() - hints.keys()):
        raise ConfigError(
            f"{cls.__name__}: unknown key '{unknown[0]}'{instead_of(unknown[0], [*hints])}"
        )
    try:
        return cls(**{name: _read(hints[name], value) for name, value in values.items()})
    except TypeError as error:  # a field without a default is left out
        raise ConfigError(f"{cls.__name__}: {error}") from error


def _with_rest(cls: Any, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values, with keys that have no field of their own moved into the field for them."""
    rest = next((field.name for field in fields(cls) if field.metadata == REST), None)
    if rest is None:
        return values
    others = {name: value for name, value in values.items() if name not in field_types(cls)}
    return {rest: others, **{name: values[name] for name in values.keys() - others.keys()}}


@cache
def field_types(cls: Any) -> dict[str, Any]:
    """A dataclass's fields and the annotations of their values."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in fields(cls)}


def _read(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _read(inner[0], value)
    if origin in (Union, UnionType):
        fitting: list[Any] = [one for one in inner if _fits(one, value)]
        # of several dataclasses, the one that has all the keys
        whole = [
            one
            for one in fitting
            if is_dataclass(one) and value.keys() <= field_types(cast(Any, one)).keys()
        ]
        return next((_read(one, value) for one in whole or fitting), value)
    if is_dataclass(kind):
        return from_json(cast(type, kind), value)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return tuple(_read(one, item) for one, item in zip(kinds, value, strict=True))
    if isinstance(value, Mapping) and inner:
        return {key: _read(inner[1], item) for key, item in value.items()}
    return value


def _fits(kind: Any, value: Any) -> bool:
    """Whether a JSON value can be of a union member's type."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if kind is NoneType:
        return value is None
    if isinstance(value, list | tuple):
        return get_origin(kind) is tuple
    return is_dataclass(kind) == isinstance(value, Mapping) and value is not None
