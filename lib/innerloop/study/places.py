"""Paths of the user's own files in a study file, in a canonical form.

Results are compared by the parameters that hold these paths, so one file must have one name: an
absolute path and a relative one are the same, and so are paths through a link to its folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from innerloop.papers.paper import is_folder

#: Keys of a study file that name a file, or code in one.
_FILES = ("splits", "registry")
_CODE = ("source", "probe", "update_rule", "network", "learner")


def with_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """A study file's content, with paths of the user's files relative to the working folder."""
    return {key: _value(key, value) for key, value in config.items()}


def _value(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return with_places(value)
    if isinstance(value, str) and key in _FILES:
        return seen_from_here(value)
    if key == "papers" and isinstance(value, list | tuple):
        return [_paper(place) for place in value]
    if isinstance(value, list | tuple) and key in _CODE:  # the values of a grid
        return [_value(key, one) for one in value]
    if isinstance(value, str) and key in _CODE:
        place, colon, name = value.rpartition(":")
        return f"{seen_from_here(place)}{colon}{name}" if place.endswith(".py") else value
    return value


def _paper(place: str) -> str:
    """A built-in name as it is; a user's folder with a slash, which tells it from such a name."""
    if not is_folder(place):
        return place
    path = seen_from_here(place)
    return path if Path(path).is_absolute() else f"./{path}"


def seen_from_here(path: str) -> str:
    """A path relative to the working folder or, outside of it, the absolute path, resolved.

    Results thus do not depend on where the working folder is.
    """
    here = Path.cwd().resolve()
    given = here / path
    place = os.path.normpath(given.parent.resolve() / given.name)
    return os.path.relpath(place, here) if Path(place).is_relative_to(here) else place
