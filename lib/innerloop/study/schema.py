"""Checks a study file against its JSON Schema, with one line for each error and its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.exceptions import relevance

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.runtime.suggestions import instead_of

#: Schema keywords whose errors are about unknown keys, and about sections that lack keys.
_CLOSED = ("additionalProperties", "unevaluatedProperties")
_LACKING = ("required", "minProperties")


def check_schema(config: Mapping[str, Any], faults: Faults) -> None:
    """Note everything in a study file that `schema.json`, beside this file, does not allow.

    Args:
        config: its content, without values that have already been refused.
        faults: collects, for each error, the key, what was found, and what was expected.
    """
    # not by its name, since files that a module names count as code of the jobs that import it
    schema = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=relevance)
    if faults:  # a missing key may be one with a refused value
        errors = [error for error in errors if error.validator not in _LACKING]
    # a mistyped key is the likeliest mistake, and the cause of others at its place
    unknown = [error for error in errors if error.validator in _CLOSED]
    found = {(*error.absolute_path, id(error.instance)): error for error in [*errors, *unknown]}
    missing = [error for error in found.values() if error.validator == "required"]
    for error in found.values():
        if error not in missing:
            faults.note(ConfigError(_message(error, schema)))
    for error in missing:
        faults.note(ConfigError(_missing(error)))


def _missing(error: Any) -> str:
    """A message on all keys that one section lacks, with what each must have or means."""
    found = []
    for key in error.validator_value:
        if key in error.instance:
            continue
        schema = error.schema.get("properties", {}).get(key, {})
        inside, place = schema.get("required", []), [*map(str, error.absolute_path), key]
        about = schema.get("description", "") if len(place) > 1 else ""
        about = f"with {', '.join(inside)}" if inside else about
        found.append(f"'{'.'.join(place)}'" + (f" ({about})" if about else ""))
    return f"study file: missing: {', '.join(found)}"


def _message(error: Any, root: Mapping[str, Any]) -> str:
    while error.context:  # anyOf: the branch that came closest
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    schema = error.schema
    place = ".".join(str(part) for part in error.absolute_path)
    start = f"study file: {place}: " if place else "study file: "
    if error.validator in _CLOSED:
        known = sorted(_properties(schema, root))
        unknown = sorted(set(error.instance) - set(known))
        return f"{start}unknown key {', '.join(map(repr, unknown))}{instead_of(unknown[0], known)}"
    if error.validator == "required":  # of one of several forms
        return f"{start}{_missing(error).removeprefix('study file: ')}"
    about = schema.get("description", "")
    if error.validator == "pattern" and about:  # the description says it in words
        return f"{start}got {error.instance!r}, expected {about}"
    return f"{start}{error.message}" + (f" ({about})" if about else "") + _hint(error)


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> set[str]:
    """The keys that a schema allows, including those of the definition that it refers to."""
    found = {*schema.get("properties", {})}
    if "$ref" in schema:
        found |= _properties(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    return found


def _hint(error: Any) -> str:
    """Why a number was read as text: 1e-3 is text to YAML, and so are lists after --config."""
    wants_number = error.validator == "type" and error.validator_value in ("number", "integer")
    if not wants_number or not isinstance(error.instance, str):
        return ""
    try:
        float(error.instance)
    except ValueError:
        return ""
    return (
        "; it was read as text: write numbers without quotes, 1e-3 as 1.0e-3, and lists of them "
        "into a study file, not after --config"
    )
