"""The commands of the console script `innerloop`: what is done by hand, beside the workflow."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser, RawTextHelpFormatter
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from tempfile import NamedTemporaryFile

#: Name of a command (and of its module here) -> what it does.
COMMANDS: dict[str, str] = {
    "new": "a study file of your own, short and commented",
    "plan": "jobs, hours and wall time of a study, before it is run",
    "watch": "what a run is doing, from another terminal: trainings, curves, time left",
    "results": "the main tables of a study in the terminal",
    "record": "keep a study's measurements in a small folder, over several runs",
    "bundle": "a finished study as one file for a journal or an archive",
    "compare": "two studies side by side: how protocols and numbers differ",
    "gallery": "a study's figures as a page of Markdown with pictures",
    "schema": "the columns of the measurement tables, with units and meaning",
    "verify": "compare every file of a study with its recorded digest",
    "clean": "remove replaced results of a study",
    "wait": "wait for the jobs that a killed Snakemake left behind",
}


def usage() -> str:
    """The help text of the console script."""
    width = max(map(len, COMMANDS))
    lines = (f"  {name:{width}}  {about}" for name, about in COMMANDS.items())
    return (
        "usage: innerloop COMMAND ...\n\n"
        + "\n".join(lines)
        + "\n\ninnerloop COMMAND --help\ninnerloop --version"
    )


def parser_of(name: str, about: str | None) -> ArgumentParser:
    """The parser of a command's arguments; `about` is its module's docstring, shown unchanged."""
    return ArgumentParser(
        f"innerloop {name}", description=about, formatter_class=RawTextHelpFormatter
    )


#: The help text of an argument for `folder_of`.
NAME_OR_FOLDER = "the study's name, or the folder of its results, such as results/demo"


def folder_of(study: str) -> Path:
    """The folder of a study's results, from its name or that folder's path.

    A name means results/<name>; only if there is no such folder, one of that name here.
    """
    by_name, given = Path("results", study), Path(study)
    return given if "/" in study or (given.is_dir() and not by_name.is_dir()) else by_name


def main(argv: list[str] | None = None) -> None:
    """Run one command."""
    from innerloop.runtime.errors import InnerloopError

    if isinstance(sys.stdout, TextIOWrapper):  # labels may not be ASCII where the locale is
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    if arguments[0] == "--version":
        print(f"innerloop {version('innerloop')}")
        return
    name, *rest = arguments
    if name not in COMMANDS:
        sys.exit(f"innerloop: there is no command '{name}'\n\n{usage()}")
    try:
        import_module(f"innerloop.commands.{name}").main(rest)
        sys.stdout.flush()
    except InnerloopError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # the reader, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except Exception as error:
        sys.exit(_unforeseen(error, name))


def _unforeseen(error: Exception, command: str) -> str:
    """The message for an unexpected error; its traceback goes into a file."""
    from innerloop.runtime.failure import OURS, explained

    explanation = explained(error, __file__)
    if not explanation.stack:  # an error of the disk
        return explanation.message
    with NamedTemporaryFile(
        "w", prefix=f"innerloop-{command}-", suffix=".txt", encoding="utf-8", delete=False
    ) as file:
        file.write(f"{explanation.stack}\n")
    if explanation.place != OURS:
        return f"{explanation.reason}\nThe traceback is in {file.name}"
    first_line = explanation.message.partition("\n")[0]
    return f"innerloop {command}: {first_line}. Please report this, with {file.name}"
