"""Reading study files: YAML or JSON in which no key stands twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from innerloop.runtime.errors import ConfigError

_MERGE = "tag:yaml.org,2002:merge"


def read_study_file(file: Path | str) -> dict[str, Any]:
    """The content of one study file, JSON if it can be, as Snakemake reads it.

    Raises:
        ConfigError: it is not there, is neither YAML nor JSON, holds no mapping, or gives a key
            twice.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"study file {file}: there is no such file in {Path.cwd()}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"study file {file} cannot be read: {error}") from error
    try:
        content = _json(text, file)  # not YAML, for which 1e-05 is a text
    except json.JSONDecodeError as error:
        if Path(file).suffix == ".json":
            raise ConfigError(
                f"study file {file}, line {error.lineno}: no JSON: {error.msg}"
            ) from error
        content = _yaml(text, file)
    if not isinstance(content, dict):
        raise ConfigError(f"study file {file}: expected keys and values")
    return content


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
    except yaml.YAMLError as error:
        raise ConfigError(f"study file {file} cannot be read: {error}") from error
    for place, first, second in _repeated(node, "", set()):
        raise ConfigError(
            f"study file {file}: {place} is given twice, in lines {first} and {second}; YAML would "
            "silently take the second"
        )
    return content


def _repeated(node: yaml.Node | None, place: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """Keys that one mapping has twice, each with its two lines; `<<` may stand more than once."""
    if node is None or id(node) in seen:  # an alias is the node that it names
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
