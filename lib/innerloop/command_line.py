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

from innerloop.errors import ConfigError
from innerloop.failure import BEGINS, explained, in_users_code
from innerloop.progress import duration, say


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


def program(main: Callable[[list[str] | None], None]) -> Callable[[list[str] | None], None]:
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
            say(f"{name} has ended after {duration(time.monotonic() - began)}")
        except KeyboardInterrupt:
            print("stopped; run again to go on", file=sys.stderr)
            sys.exit(128 + signal.SIGINT)
        except SystemExit as end:
            if in_users_code(end, file):  # sys.exit(0) of theirs is no success of the job
                sys.exit(explained(end, file))
            raise
        except Exception as error:
            sys.exit(explained(error, file))

    return shown


def spec_parser(description: str | None, spec_help: str) -> argparse.ArgumentParser:
    """A parser whose first argument is `--spec`, the resolved parameters of the job."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--spec", required=True, help=f"JSON, or the path of a JSON file: {spec_help}"
    )
    return parser
