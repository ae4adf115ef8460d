"""Merging of study files: later ones override earlier ones key by key, and `null` removes a key."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.faults import Faults
from innerloop.study.keys import ACCESS, RUNNING, is_option
from innerloop.study.reading import read_study_file

#: Sections whose entries are named by the user; an entry may be `{}`.
_SECTIONS = ("methods", "protocols", "models", "datasets", "probes")

#: Keys that list names -> the section that defines these names.
_LISTS = {
    "variants": "variants",
    "probes": "probes",
    "evaluate_on": "datasets",
    "datasets": "datasets",
    "over_training": "datasets",
}


def merged_study(files: Sequence[Path | str]) -> dict[str, Any]:
    """The merged content of study files, later ones overriding earlier ones, as in Snakemake.

    Raises:
        ConfigError: a file cannot be read.
    """
    merged: dict[str, Any] = {}
    for file in files:
        _merge(merged, read_study_file(file))
    return {**merged, **name_of_its_own(files)}


def name_of_its_own(
    files: Sequence[Path | str], said: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """The name of a study of several files, so that its results stay apart from the first one's.

    `demo` with `mine.yaml` over it is `demo-mine`; characters that no study's name may hold become
    hyphens. Empty where a later file, or `said` (keys given besides files), names the study; files
    that change no result do not count.
    """
    first, *later = ((Path(file).stem, read_study_file(file)) for file in files)
    stems = [stem for stem, content in later if _changes_results(content)]
    over = [re.sub("[^a-zA-Z0-9_-]+", "-", stem) for stem in stems]
    named = any("study" in content for content in (*(content for _, content in later), said or {}))
    if not over or named or "study" not in first[1]:
        return {}
    return {"study": "-".join([str(first[1]["study"]), *over])}


def without_removed(config: Mapping[str, Any]) -> dict[str, Any]:
    """A study file's content without the keys that `null` removes and references to them.

    A removed variant, data set or probe disappears from the lists that name it, and so do models
    that would be trained under a removed protocol or variant, or on a removed data set.
    """
    left: dict[str, Any] = _left(config, ())
    removed = {section: _removed(config, section) for section in ("protocols", *_LISTS.values())}
    data = removed["datasets"]
    for name, entry in [*_mapping(left.get("models")).items()]:
        said = _mapping(entry)
        protocol = _entry(config.get("protocols"), said.get("protocol"))
        gone = {**removed, "variants": _removed(protocol, "variants")}
        left["models"][name] = kept = _unmentioned(entry, gone)
        whole = "variants" in _mapping(kept) or "variants" not in said
        if said.get("protocol") in removed["protocols"] or said.get("dataset") in data or not whole:
            del left["models"][name]
    for name, options in _mapping(left.get("probes")).items():
        left["probes"][name] = _unmentioned(options, removed)
    if roles := _mapping(left.get("roles")):
        left["roles"] = {role: name for role, name in roles.items() if name not in data}
    if _mapping(left.get("toy")).get("dataset") in data:
        del left["toy"]
    return left


def check_empty(files: Sequence[Path | str], faults: Faults) -> None:
    """Note every entry that a file leaves empty, which removes it, where there is none to remove.

    Args:
        files: the study files; later ones override earlier ones.
        faults: collects, for each such entry, its key and what to write.
    """
    earlier: dict[str, Any] = {}
    for file in files:
        content = read_study_file(file)
        places = [(section, name) for section in _SECTIONS for name in _at(content, (section,))]
        variants = [
            (*place, "variants", name)
            for place in places
            if place[0] == "protocols"
            for name in _at(content, (*place, "variants"))
        ]
        for *place, name in (*places, *variants):
            if _at(content, place)[name] is None and name not in _at(earlier, place):
                faults.note(
                    ConfigError(
                        f"study file: {'.'.join([*place, name])}: it is empty, which removes it, "
                        f"and no earlier file has it; if nothing is to be said, write {name}: {{}}"
                    )
                )
        _merge(earlier, content)


def names_removed(config: Any) -> set[str]:
    """Every key in a study file that `null` removes."""
    inside = [names_removed(value) for value in _mapping(config).values()]
    return {key for key, value in _mapping(config).items() if value is None}.union(*inside)


def _changes_results(content: Mapping[str, Any]) -> bool:
    """Whether a file sets anything but where files come from and how jobs are run."""
    compute = content.get("compute", {})  # null removes the device, too
    only_runs = isinstance(compute, Mapping) and compute.keys() <= {*RUNNING}
    return not (only_runs and content.keys() <= {*ACCESS, "compute"})


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _left(value: Any, place: tuple[str, ...]) -> Any:
    """A value without the nulls in it, except where null is itself a value."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: _left(inner, (*place, key))
        for key, inner in value.items()
        if inner is not None or key == "test_step_size" or is_option((*place, key))
    }


class _All:
    """The names in a section that was removed as a whole."""

    def __contains__(self, name: object) -> bool:
        return True


def _removed(holder: Any, section: str) -> Container[str]:
    """The names that were removed from a section of a mapping."""
    if _mapping(holder).get(section, {}) is None:
        return _All()
    entries = _mapping(_mapping(holder).get(section))
    return [name for name, value in entries.items() if value is None]


def _unmentioned(entry: Any, removed: Mapping[str, Container[str]]) -> Any:
    """An entry with removed names taken out of its lists; a list that gets empty is dropped."""
    if not isinstance(entry, Mapping):
        return entry
    kept: dict[str, Any] = {}
    for key, value in entry.items():
        gone = removed[_LISTS[key]] if key in _LISTS and isinstance(value, list) else set()
        left = [name for name in value if name not in gone] if gone else value
        if left or left == value:
            kept[key] = left
    return kept


def _entry(section: Any, name: Any) -> Any:
    return _mapping(section).get(name) if isinstance(name, str) else None


def _at(value: Any, place: Sequence[str]) -> Mapping[str, Any]:
    for key in place:
        value = _mapping(value).get(key)
    return _mapping(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
