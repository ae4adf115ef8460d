"""Reading study files: YAML or JSON without duplicate keys."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml

from innerloop.runtime.errors import ConfigError

_MERGE = "tag:yaml.org,2002:merge"


def read_study_file(file: Path | str) -> dict[str, Any]:
    """The content of one study file, read as JSON if possible, or else YAML, as in Snakemake.

    Raises:
        ConfigError: it does not exist, is neither YAML nor JSON, is not a mapping, or has a
            duplicate key.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"study file {file}: there is no such file in {Path.cwd()}") from error
    except OSError as error:
        raise ConfigError(f"study file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"study file {file}, line {line}: it is not encoded in UTF-8 (byte "
            f"{error.object[error.start]:#04x}); save it as UTF-8"
        ) from error
    try:
        content = _json(text, file)  # not as YAML, in which 1e-05 is text
    except json.JSONDecodeError as error:
        if Path(file).suffix == ".json":
            raise ConfigError(
                f"study file {file}, line {error.lineno}: no JSON: {error.msg}"
            ) from error
        content = _yaml(text, file)
    if not isinstance(content, dict):
        raise ConfigError(f"study file {file}: expected keys and values")
    return content


def located(messages: Iterable[str], files: Sequence[Path | str]) -> list[str]:
    """Messages about a study file, each with the file and line of its key, sorted by them.

    Args:
        messages: `study file: models.all.seeds: ...`
        files: the study files; later ones override earlier ones.
    """
    nodes = [_composed(Path(file)) for file in files]
    found = []
    for message in messages:
        about = message.removeprefix("study file: ")
        place, _, said = about.partition(": ")
        keys = place.split(".") if re.fullmatch(r"[\w.-]+", place) else []
        if unknown := re.match("unknown key '([^']*)'", said if keys else about):
            keys.append(unknown[1])
        if missing := re.match("missing: '([^']*)'", about):
            keys = missing[1].split(".")
        places = [(*_deepest(keys, node), number) for number, node in enumerate(nodes)]
        depth, line, number = max(places, key=itemgetter(0, 2), default=(0, 0, 0))
        if missing and not depth:  # a section of the whole file
            message = f"{', '.join(map(str, map(_shown, files))) or 'study file'}: {about}"
        if about == message or not depth:
            found.append((len(files), 0, message))
        else:
            found.append((number, line, f"{_shown(files[number])}, line {line}: {about}"))
    return [message for _, _, message in sorted(found, key=itemgetter(0, 1))]


def _shown(file: Path | str) -> Path | str:
    relative = os.path.relpath(file)
    return file if relative.startswith(os.pardir) else relative


def _composed(file: Path) -> yaml.Node | None:
    with suppress(OSError, yaml.YAMLError):  # JSON with tabs is no YAML
        node: yaml.Node | None = yaml.compose(file.read_bytes(), yaml.SafeLoader)
        return node
    return None


def _deepest(keys: Sequence[str], node: yaml.Node | None) -> tuple[int, int]:
    """How many of some nested keys a file has, and the line of the innermost."""
    depth, line = 0, 0
    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            break
        inside = [pair for pair in node.value if pair[0].value == key]
        if not inside:
            break
        depth, line, node = depth + 1, inside[-1][0].start_mark.line + 1, inside[-1][1]
    return depth, line


def read_study(text_or_path: str) -> dict[str, Any]:
    """A study: the path of its file, or its content as JSON."""
    if not text_or_path.lstrip().startswith("{"):
        return read_study_file(text_or_path)
    content: dict[str, Any] = json.loads(text_or_path)
    return content


def _json(text: str, file: Path | str) -> Any:
    def unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for name, times in Counter(name for name, _ in pairs).items():
            if times > 1:
                raise ConfigError(
                    f"study file {file}: one object has the key '{name}' {times} times; JSON would "
                    "silently take the last"
                )
        return dict(pairs)

    return json.loads(text, object_pairs_hook=unrepeated)


def _yaml(text: str, file: Path | str) -> Any:
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        line = f", line {at.line + 1}" if at else ""
        why = ": ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(f"study file {file}{line}: no YAML: {why}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: month 13
        why = " ".join(str(error).split())
        raise ConfigError(f"study file {file} cannot be read as YAML: {why}") from error
    for place, first, second in _repeated(node, "", set()):
        raise ConfigError(
            f"study file {file}: {place} is given twice, in lines {first} and {second}; YAML would "
            "silently take the second"
        )
    return content


def _repeated(node: yaml.Node | None, place: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Duplicate keys of mappings, each with its two lines; `<<` may occur more than once."""
    if node is None or id(node) in seen:  # an alias is the same node again
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(item, f"{place}.{number}".lstrip("."), seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            here = f"{place}.{key.value}".lstrip(".")
            name = (key.tag, str(key.value))
            line = key.start_mark.line + 1
            if name in lines and key.tag != _MERGE:
                yield here, lines[name], line
            lines[name] = line
            yield from _repeated(value, here, seen)
