"""What the workflow's scripts share on their command lines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import yaml

from innerloop.errors import ConfigError, InnerloopError


def named_paths(arguments: Iterable[str]) -> dict[str, Path]:
    """`name=path` arguments as a dictionary.

    Raises:
        ConfigError: an argument does not have that form.
    """
    found: dict[str, Path] = {}
    for argument in arguments:
        name, equals, path = argument.partition("=")
        if not equals:
            raise ConfigError(f"expected name=path, got '{argument}'")
        found[name] = Path(path)
    return found


def read_study(text_or_path: str) -> dict[str, Any]:
    """A study: the path of its file, or its content as JSON."""
    content: dict[str, Any]
    if text_or_path.lstrip().startswith("{"):
        content = json.loads(text_or_path)  # not YAML, for which 1e-05 is a string
    else:
        content = yaml.safe_load(Path(text_or_path).read_text(encoding="utf-8"))
    return content


def merged_study(files: Iterable[Path | str]) -> dict[str, Any]:
    """Study files over one another, later ones winning key by key, as Snakemake merges them.

    Raises:
        ConfigError: a file is not there, or holds no mapping.
    """
    merged: dict[str, Any] = {}
    for file in files:
        try:
            content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"study file {file} cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise ConfigError(f"study file {file}: expected keys and values")
        _merge(merged, content)
    return merged


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def program(main: Callable[[list[str] | None], None]) -> Callable[[list[str] | None], None]:
    """Show errors that are meant for people as one message instead of a traceback."""

    @wraps(main)
    def shown(argv: list[str] | None = None) -> None:
        try:
            main(argv)
        except InnerloopError as error:
            if argv is not None:
                raise
            sys.exit(f"{type(error).__name__}: {error}")

    return shown


def spec_parser(description: str | None, spec_help: str) -> argparse.ArgumentParser:
    """A parser whose first argument is `--spec`, the resolved parameters of the job."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--spec", required=True, help=f"JSON, or the path of a JSON file: {spec_help}"
    )
    return parser
