"""The JSON Schema of study files, made from the dataclasses whose fields are its keys.

`innerloop schema study` prints it; `schema.json`, which editors and `check_schema` read, is that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from innerloop.learners.gradient_based.method import Method
from innerloop.runtime.allowed import Allowed, Name
from innerloop.runtime.typed_json import REST, as_json
from innerloop.specs.probe_options import OPTIONS
from innerloop.specs.setting import Setting
from innerloop.study import choices
from innerloop.study.keys import Choosing, Probe, Resources, StudyKeys, UsersProbe

Schema = dict[str, Any]

#: Types that are named in the schema.
_NAMED: Mapping[str, Any] = {"name": Name, "setting": Setting, "resources": Resources}
_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string"}


def study_schema() -> Schema:
    """The schema of a study file."""
    schema = _object(StudyKeys)
    sections = schema["properties"]
    methods = [field.name for field in fields(Method) if field.name != "name"]
    sections["methods"]["additionalProperties"] = {
        "type": "object",
        "properties": {key: _key(Method, key) for key in methods},
        "additionalProperties": False,
    }
    sections["probes"] |= {
        "properties": {
            name: {**_object(Probe, options), "description": f"options of the probe {name}"}
            for name, options in OPTIONS.items()
        },
        "additionalProperties": {**_object(UsersProbe), "additionalProperties": True},
    }
    protocol = sections["protocols"]["additionalProperties"]["properties"]
    variant = protocol["variants"]["additionalProperties"]["properties"]
    variant["grid"] |= {
        "properties": {
            key: {
                "type": "array",
                "items": {"$ref": f"#/$defs/choices/properties/{key}"},
                "minItems": 1,
                "uniqueItems": True,
                "description": f"values of {key}",
            }
            for key in choices.NAMES
        },
        "additionalProperties": False,
    }
    named = {name: _kind(kind, spelled_out=True) for name, kind in _NAMED.items()}
    chosen = {key: _key(home, key) for home, keys in choices.HOMES.items() for key in keys}
    # null: not what the protocol says
    chosen["test_step_size"]["type"] = ["number", "null"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Innerloop study file",
        **schema,
        "$defs": {**named, "choices": {"type": "object", "properties": chosen}},
    }


def _object(*classes: type) -> Schema:
    """A mapping whose keys are the fields of some dataclasses."""
    own = [
        (cls, field)
        for cls in classes
        for field in fields(cls)  # type: ignore[arg-type]
        if field.metadata != REST
    ]
    required = [field.name for _, field in own if choices.default(field) is MISSING]
    schema: Schema = {"type": "object"}
    if issubclass(classes[0], Choosing):
        schema |= {"$ref": "#/$defs/choices", "unevaluatedProperties": False}
    else:
        schema["additionalProperties"] = False
    schema["properties"] = {field.name: _key(cls, field.name) for cls, field in own}
    return {**schema, "required": required} if required else schema


def _key(cls: Any, name: str) -> Schema:
    """One field: its type, meaning and default."""
    field = next(field for field in fields(cls) if field.name == name)
    schema = _kind(get_type_hints(cls, include_extras=True)[name])
    schema["description"] = _meanings(cls)[name]
    default = choices.default(field)
    if default is MISSING or default in (None, "", (), {}) or is_dataclass(default):
        return schema
    return {**schema, "default": as_json(default)}


def _meanings(cls: type) -> dict[str, str]:
    """The fields of a dataclass as its docstrings describe them."""
    meanings: dict[str, str] = {}
    for one in reversed(cls.__mro__):
        _, _, attributes = cleandoc(one.__doc__ or "").partition("Attributes:\n")
        attributes, _, _ = attributes.partition("\nRaises:\n")
        for entry in re.split(r"\n(?= {4}\w)", f"\n{attributes}"):
            name, _, meaning = entry.strip().partition(": ")
            meanings[name] = re.sub(r"\s+", " ", meaning).removesuffix(".")
    return meanings


def _kind(kind: Any, *, spelled_out: bool = False) -> Schema:
    """The values of a type."""
    for name, named in _NAMED.items():
        if kind == named and not spelled_out:
            return {"$ref": f"#/$defs/{name}"}
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _kind(inner[0]) | _limits(inner[1], _kind(inner[0])["type"])
    if origin in (Union, UnionType):
        kinds = [_kind(one) for one in inner if one is not NoneType]  # None: it is left out
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return _list(inner)
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind)
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    names = {} if inner[0] is str else {"propertyNames": _kind(inner[0])}
    values = {} if inner[1] is Any else {"additionalProperties": _kind(inner[1])}
    return {"type": "object", **names, **values}


def _list(items: tuple[Any, ...]) -> Schema:
    if items[1:] == (...,):
        return {"type": "array", "items": _kind(items[0]), "minItems": 1, "uniqueItems": True}
    count = {"minItems": len(items), "maxItems": len(items)}
    return {"type": "array", "items": _kind(items[0]), **count}


def _limits(allowed: Allowed, kind: str) -> Schema:
    keywords = {
        "minimum": allowed.least,
        "maximum": allowed.most,
        "exclusiveMinimum": allowed.above,
        "exclusiveMaximum": allowed.below,
        "pattern": allowed.pattern,
        {"array": "minItems", "object": "minProperties"}.get(kind, ""): allowed.items,
        "description": allowed.meaning or None,
    }
    return {name: value for name, value in keywords.items() if value is not None}
