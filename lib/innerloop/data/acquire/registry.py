"""The registry: `registry.toml`, and on top of it a file of the user's own.

Paths in a user's file are relative to its folder. They are recorded as written, so that a job's
parameters do not change when the file is moved.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from innerloop.data.acquire.collection import Collection, RawFile, Variant
from innerloop.data.catalogue import SPLITS
from innerloop.data.licence import Licence
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import entry_in
from innerloop.runtime.faults import Faults, SeveralFaultsError, told_together

#: Not part of any job's code digest: a job's parameters hold all that it depends on.
BUILT_IN = Path(__file__).parents[1] / "registry.toml"

#: Names become parts of paths.
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: A line of TOML that begins a table, and one that gives a key a value.
_HEADER = re.compile(r"\s*\[\[?([^\]]+)\]")
_KEY = re.compile(r"""\s*([\w\s."'-]+)=""")
#: Key -> type of its value and, for lists and tables, type of their items.
_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("title", "citation", "folder", "name", "url", "md5", "sha256"), (str,)),
    **dict.fromkeys(("collection", "source", "listing", "default"), (str,)),
    **dict.fromkeys(("collections", "datasets", "variants"), (dict, dict)),
    **{"licence": (dict,), "bytes": (int,), "images": (dict, int), "classes": (dict, int)},
    **dict.fromkeys(("non_commercial", "redistributable"), (bool,)),
    **{"files": (list, dict), "urls": (list, str), "by_hand": (list, str), "members": (dict, str)},
}
_IN_WORDS = {
    str: "a string", dict: "a table", list: "a list", bool: "true or false", int: "a number"
}  # fmt: skip


@dataclass(frozen=True)
class Registry:
    """Every known collection of files, and every data set that is made from one.

    Attributes:
        collections: name -> collection.
        variants: data set -> name -> variant.
        defaults: data set -> the variant to use if none is named.
        folder: folder of the user's own file.
    """

    collections: Mapping[str, Collection]
    variants: Mapping[str, Mapping[str, Variant]]
    defaults: Mapping[str, str]
    folder: Path = Path()

    def variant(self, dataset: str, name: str | None = None) -> Variant:
        """One variant of a data set, or its default.

        Raises:
            ConfigError: there is no such data set or variant.
        """
        if dataset not in self.variants:
            raise ConfigError(
                f"data set '{dataset}' is not in the registry; it has {', '.join(self.variants)}"
            )
        known = self.variants[dataset]
        wanted = name or self.defaults[dataset]
        if wanted not in known:
            raise ConfigError(
                f"data set '{dataset}' has no variant '{wanted}'; choose {', '.join(known)}"
            )
        return known[wanted]

    def entry(self, source: str) -> str:
        """A variant's `source` as an entry relative to the current folder."""
        return entry_in(self.folder, source)

    def listing(self, variant: Variant) -> Path | None:
        """The path of a variant's own listing of images; None if it has none.

        Raises:
            ConfigError: there is no such file.
        """
        if not variant.listing:
            return None
        path = self.folder / variant.listing
        if not path.is_file():
            raise ConfigError(
                f"registry: datasets.{variant.dataset}.variants.{variant.name}.listing: there is "
                f"no file {path}"
            )
        return path

    def datasets_of(self, collection: Collection) -> list[str]:
        """The data sets that have a variant read from a collection."""
        return [
            dataset
            for dataset, known in self.variants.items()
            if any(variant.collection == collection.name for variant in known.values())
        ]

    def licence_of(self, variant: Variant) -> Licence:
        """The terms of a variant's files."""
        return self.collections[variant.collection].licence


@cache
def read_registry(own: str | None = None) -> Registry:
    """The built-in registry, with the collections, data sets and variants of a user's file on top.

    Raises:
        ConfigError: a file cannot be read or understood; all errors are reported at once, with
            the lines of the user's file.
    """
    try:
        with told_together() as faults:
            return _registry(own, faults)
    except SeveralFaultsError as error:
        located = (ConfigError(_located(str(fault), own)) for fault in error.faults)
        raise SeveralFaultsError([*located]) from error
    except ConfigError as error:
        raise ConfigError(_located(str(error), own)) from error


def _registry(own: str | None, faults: Faults) -> Registry:
    content = _read(BUILT_IN)
    if own is not None:
        above = _read(Path(own))
        content["collections"].update(above["collections"])
        for dataset, entry in above["datasets"].items():
            below = content["datasets"].setdefault(dataset, {"variants": {}})
            below["variants"].update(entry["variants"])
            below.update({key: entry[key] for key in entry if key != "variants"})
    for kind, group in content.items():
        for name, entry in group.items():
            for named in (name, *entry.get("variants", ())):
                with faults.noted():
                    _require_name(named, f"{kind}.{name}")
    collections: dict[str, Collection] = {}
    for name, entry in content["collections"].items():
        with faults.noted():
            collections[name] = _collection(name, entry)
    variants: dict[str, dict[str, Variant]] = {}
    for dataset, entry in content["datasets"].items():
        variants[dataset] = {}
        for name, one in entry["variants"].items():
            with faults.noted():
                variants[dataset][name] = _variant(dataset, name, one, content["collections"])
    defaults = {dataset: entry.get("default") for dataset, entry in content["datasets"].items()}
    for dataset, default in defaults.items():
        with faults.noted():
            if default not in content["datasets"][dataset]["variants"]:
                raise ConfigError(
                    f"registry: datasets.{dataset}.default: "
                    + (f"no variant '{default}'" if default else "say which variant is meant")
                )
    return Registry(collections, variants, defaults, Path(own).parent if own else Path())


def _located(message: str, own: str | None) -> str:
    """A message about the user's file, with the line of its place there: `mine.toml, line 3: ...`.

    Args:
        message: `registry: collections.flowers.licence: ...`
        own: the file.
    """
    place, _, why = message.removeprefix("registry: ").partition(": ")
    if own is None or not message.startswith("registry: "):
        return message
    keys, found = place.split("."), [(0, 0)]
    table: list[str] = []
    for number, line in enumerate(Path(own).read_text(encoding="utf-8").splitlines(), start=1):
        if header := _HEADER.match(line):
            path = table = _keys(header[1])
        elif key := _KEY.match(line):
            path = [*table, *_keys(key[1])]
        else:
            continue
        if path == keys[: len(path)]:
            found.append((len(path), -number))
    line = f", line {-max(found)[1]}" if found[1:] else ""
    return f"{own}{line}: {place}: {why}"


def _keys(dotted: str) -> list[str]:
    return [part.strip(" \t\"'") for part in dotted.split(".")]


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():  # reading from a device may never end
        raise ConfigError(f"registry {path}: there is no such file in {Path.cwd()}")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8, or not TOML
        raise ConfigError(f"registry {path}: cannot be read as TOML ({error})") from error
    _only(content, (), "", optional=("collections", "datasets"))
    for name, entry in content.get("datasets", {}).items():
        _only(entry, ("variants",), f"datasets.{name}", optional=("default",))
    return {"collections": {}, "datasets": {}, **content}


#: The keys of a licence in the registry.
_TERMS = ("name", "url", "non_commercial", "redistributable")


def _collection(name: str, entry: Mapping[str, Any]) -> Collection:
    place = f"collections.{name}"
    known = ("title", "licence", "citation", "files", "folder", "members", "by_hand")
    _only(entry, (), place, optional=known)
    licence = entry.get("licence", {})
    _only(licence, (), f"{place}.licence", optional=_TERMS)
    if not licence.get("url", "https://").startswith(("https://", "http://")):
        raise ConfigError(
            f"registry: {place}.licence.url: {licence['url']!r} is not an http(s) address"
        )
    made = Collection(
        name=name,
        title=entry.get("title", name),
        licence=Licence(
            name=licence.get("name", "not stated"),
            attribution=entry.get("citation", ""),
            url=licence.get("url", ""),
            non_commercial=licence.get("non_commercial", False),
            redistributable=licence.get("redistributable", False),
        ),
        files=tuple(_file(place, file) for file in entry.get("files", [])),
        folder=entry.get("folder", ""),
        members=entry.get("members", {}),
        by_hand=tuple(entry.get("by_hand", [])),
    )
    if made.folder:
        _require_plain(made.folder, f"{place}.folder")
    if not made.files and not made.folder:
        raise ConfigError(f"registry: {place} has neither files nor a folder")
    return made


def _file(place: str, entry: Mapping[str, Any]) -> RawFile:
    known = ("name", "bytes", "md5", "sha256", "urls", "by_hand")
    _only(entry, (), f"{place}.files", optional=known)
    name = entry.get("name", "")
    _require_plain(name, f"{place}.files")
    for kind, letters in (("md5", 32), ("sha256", 64)):
        if not re.fullmatch(f"([0-9a-f]{{{letters}}})?", entry.get(kind, "")):
            raise ConfigError(
                f"registry: {place}: {name}: {kind} is '{entry[kind]}', expected {letters} "
                "digits and letters a to f"
            )
    if not entry.get("md5") and not entry.get("sha256"):
        raise ConfigError(
            f"registry: {place}: {name} has no md5 and no sha256, so it cannot be verified; "
            "write one of them"
        )
    for url in entry.get("urls", []):
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"registry: {place}: {name}: '{url}' is not an http(s) address")
    lists = {key: tuple(entry.get(key, [])) for key in ("urls", "by_hand")}
    return RawFile(**{**entry, **lists})


def _variant(
    dataset: str, name: str, entry: Mapping[str, Any], collections: Mapping[str, Any]
) -> Variant:
    place = f"datasets.{dataset}.variants.{name}"
    _only(entry, ("collection", "source", "images"), place, optional=("classes", "listing"))
    if entry["collection"] not in collections:
        raise ConfigError(f"registry: {place}: there is no collection '{entry['collection']}'")
    _only(entry["images"], (), f"{place}.images", optional=SPLITS)
    classes = entry.get("classes", {})
    if classes and (classes.keys() != entry["images"].keys() or not all(classes.values())):
        raise ConfigError(
            f"registry: {place}.classes: give the number of classes, one or more, of each of "
            f"{', '.join(entry['images'])}, and of no other split"
        )
    return Variant(dataset, name, **entry)


def _require_name(name: str, place: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"registry: {place}: '{name}' is not a valid name: use small letters, digits and _, "
            "with a letter first"
        )


def _require_plain(name: str, place: str) -> None:
    if not name or name != Path(name).name or name.startswith(".") or not name.isprintable():
        raise ConfigError(f"registry: {place}: {name!r} is not a plain file name")


def _only(
    entry: Mapping[str, Any], needed: tuple[str, ...], place: str, optional: tuple[str, ...] = ()
) -> None:
    """Refuse anything but a table with these keys and values of the right types."""
    _require_kind(entry, (dict,), place)
    known = (*needed, *optional)
    unknown = sorted(entry.keys() - set(known))
    missing = sorted(set(needed) - entry.keys())
    if unknown or missing:
        raise ConfigError(
            f"registry: {place or 'as a whole'}: "
            + "; ".join(
                f"{what} {', '.join(keys)}"
                for what, keys in (("unknown key", unknown), ("missing key", missing))
                if keys
            )
            + f"; known are {', '.join(known)}"
        )
    for key, value in entry.items():
        _require_kind(value, _KINDS.get(key, ()), f"{place}.{key}".removeprefix("."))


def _require_kind(value: Any, kinds: tuple[type, ...], place: str) -> None:
    if not kinds:
        return
    of_kind = isinstance(value, kinds[0]) and isinstance(value, bool) == (kinds[0] is bool)
    if not of_kind or (kinds[0] is int and value < 0):
        raise ConfigError(f"registry: {place}: got {value!r}, expected {_IN_WORDS[kinds[0]]}")
    for key in value if kinds[1:] else ():
        inside = value[key] if kinds[0] is dict else key
        _require_kind(inside, kinds[1:], f"{place}.{key}" if kinds[0] is dict else place)
