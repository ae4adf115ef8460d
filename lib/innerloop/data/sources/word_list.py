"""The small text files beside the sources: one `name: words` per line; `#` starts a comment."""

from __future__ import annotations

from pathlib import Path

from innerloop.runtime.errors import DataError


def read_word_list(file: Path) -> dict[str, str]:
    """Name -> the words after the colon; a name without words stands for itself.

    Raises:
        DataError: a name occurs twice.
    """
    words: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        name, _, rest = (part.strip() for part in line.partition("#")[0].partition(":"))
        if name in words:
            raise DataError(f"{file}, line {number}: '{name}' is listed twice")
        if name:
            words[name] = rest or name
    return words
