"""What the workflow's scripts share on their command lines."""

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
    """What a script's `main` is: without arguments it reads those of the command line."""

    def __call__(self, argv: list[str] | None = None) -> None: ...  # noqa: D102


def program(main: Callable[[list[str] | None], None]) -> Program:
    """Let a program say when it begins and has ended, and end by what is for people where it fails.

    That is the user's own line, or one message, first.
    Nothing of a user's code ends it as if it had succeeded. Called with arguments, by Python code,
    errors are raised as they are.
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
            if in_users_code(end, file):  # sys.exit(0) of theirs is no success of the job
                sys.exit(str(explained(end, file)))
            raise
        except Exception as error:
            sys.exit(str(explained(error, file)))

    return shown


def spec_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose first argument is `--spec`, what the job is run with."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--spec", required=True, help="JSON, or the path of a JSON file")
    return parser


def read_spec(spec: type[T], text_or_path: str) -> T:
    """What a job is run with, from JSON text or the path of a JSON file.

    Raises:
        ConfigError: it is neither, or no such spec.
    """
    try:
        return from_json(spec, read_json_argument(text_or_path, "--spec"))
    except ConfigError as error:
        raise ConfigError(f"--spec: {str(error).removeprefix('--spec: ')}") from error
