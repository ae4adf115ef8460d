"""Suggestions for an unknown name: the closest known one, and all that are known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def close_to(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, if there is one."""
    return next(iter(difflib.get_close_matches(name, [*known], n=1)), None)


def instead_of(name: str, known: Iterable[str]) -> str:
    """The end of an error message: `; did you mean 'anil'? Known are maml, anil`."""
    names = [*known]
    listed = f"nown are {', '.join(names) or 'none'}"
    close = close_to(name, names)
    return f"; did you mean '{close}'? K{listed}" if close else f"; k{listed}"
