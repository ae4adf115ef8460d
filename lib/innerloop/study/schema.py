"""Checks a study file against its JSON Schema, and says in one line what is wrong where."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.exceptions import relevance

from innerloop.errors import ConfigError


def check_schema(config: Mapping[str, Any], schema_file: Path | str) -> None:
    """Refuse a study file that its schema does not allow.

    Raises:
        ConfigError: naming the key, what was found, and what is expected.
    """
    schema = json.loads(Path(schema_file).read_text())
    validator = jsonschema.Draft202012Validator(schema)
    errors = sorted(validator.iter_errors(config), key=relevance)
    # a mistyped key is the likeliest mistake, and the cause of others
    unknown = [error for error in errors if error.validator == "additionalProperties"]
    if errors:
        raise ConfigError(_message([*errors, *unknown][-1]))


def _message(error: Any) -> str:
    while error.context:  # anyOf: the branch that came closest
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    schema = error.schema
    place = ".".join(str(part) for part in error.absolute_path)
    start = f"study file: {place}: " if place else "study file: "
    if error.validator == "additionalProperties":
        known = sorted(schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        close = difflib.get_close_matches(unknown[0], known, n=1) if unknown else []
        hint = f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(known)}"
        return f"{start}unknown key {', '.join(map(repr, unknown))}{hint}"
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"{start}the key {', '.join(map(repr, missing))} is missing"
    about = schema.get("description", "")
    return f"{start}{error.message}" + (f" ({about})" if about else "")
