"""What to say of an unknown name: which one may have been meant, and which ones there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def instead_of(name: str, known: Iterable[str]) -> str:
    """The end of a sentence: `; did you mean 'anil'? Known are maml, anil`."""
    names = [*known]
    listed = f"nown are {', '.join(names) or 'none'}"
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean '{close[0]}'? K{listed}" if close else f"; k{listed}"
