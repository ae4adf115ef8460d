"""The command-line handling that the workflow's scripts share."""

from __future__ import annotations

import argparse
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Protocol, TypeVar

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.failure import BEGINS, ENDED, explained, in_users_code
from innerloop.runtime.files import read_json_argument
from innerloop.runtime.progress import duration, say
from innerloop.runtime.typed_json import from_json

T = TypeVar("T")


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


class Program(Protocol):
    """A script's `main`: without arguments, it reads those of the command line."""

    def __call__(self, argv: list[str] | None = None) -> None: ...  # noqa: D102


def program(main: Callable[[list[str] | None], None]) -> Program:
    """Make a script's `main` log its beginning and its end, and exit with a readable error.

    The error begins with the line of the user's code that raised it, or is a single message. If a
    user's code calls `sys.exit(0)`, the program fails nevertheless. If `main` is called with
    arguments, from Python, errors are raised unchanged.
    """
    file = main.__code__.co_filename

    @wraps(main)
    def shown(argv: list[str] | None = None) -> None:
        if argv is not None:
            main(argv)
            return
        name, began = Path(file).stem, time.monotonic()
        say(f"{name} {BEGINS} {platform.node()}, {datetime.now():%Y-%m-%d}")
        try:
            main(None)
            say(f"{name} {ENDED} {duration(time.monotonic() - began)}")
        except KeyboardInterrupt:
            print("stopped; run again to go on", file=sys.stderr)
            sys.exit(128 + signal.SIGINT)
        except SystemExit as end:
            if in_users_code(end, file):  # not a success, even with status 0
                sys.exit(str(explained(end, file)))
            raise
        except Exception as error:
            sys.exit(str(explained(error, file)))

    return shown


def spec_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option `--spec`, the parameters of the job."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--spec", required=True, help="JSON, or the path of a JSON file")
    return parser


def read_spec(spec: type[T], text_or_path: str) -> T:
    """A job's parameters, read from JSON text or from a JSON file.

    Raises:
        ConfigError: the argument is neither, or not a valid spec.
    """
    try:
        return from_json(spec, read_json_argument(text_or_path, "--spec"))
    except ConfigError as error:
        raise ConfigError(f"--spec: {str(error).removeprefix('--spec: ')}") from error
