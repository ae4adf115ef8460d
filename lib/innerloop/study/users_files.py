"""The user's own files of a study: code, folders of papers, lists of splits, the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from innerloop.runtime.code_digest import LIBRARY, closure
from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import source_file
from innerloop.study.study import Study

#: Suffixes of the files of a paper's folder.
_OF_PAPERS = (".py", ".yaml", ".csv")


def users_files(study: Study) -> list[Path]:
    """Every file of the user's own that a study names, and the code that these import.

    Files that code reads are not included, since they may be data. Paths are relative in the
    working folder and absolute outside of it.
    """
    here = Path.cwd()
    files = {file.resolve() for file in _named(study)}
    return sorted(file.relative_to(here) if file.is_relative_to(here) else file for file in files)


def _named(study: Study) -> Iterator[Path]:
    sources = map(study.datasets.source_entry, study.keys.datasets)
    for entry in (text for text in (*_texts(study.config), *sources) if ".py:" in text):
        try:
            reached = closure([source_file(entry)])
        except ExtensionError:  # text that is not an entry
            continue
        yield from (
            file for file in reached if file.suffix == ".py" and not file.is_relative_to(LIBRARY)
        )
    for place in map(Path, study.papers):
        if place.is_dir():
            yield from (file for file in place.rglob("*") if file.suffix in _OF_PAPERS)
    splits = (entry.splits for entry in study.keys.datasets.values())
    yield from (Path(file) for file in (*splits, study.keys.registry) if file)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a study file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
