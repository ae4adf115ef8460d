"""The commands of the console script `innerloop`: what is done by hand, beside the workflow."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper

#: Name of a command (and of its module here) -> what it does.
COMMANDS: dict[str, str] = {
    "new": "a study file of your own, short and commented",
    "plan": "jobs, hours and wall time of a study, before it is run",
    "watch": "what a run is doing, from another terminal: trainings, curves, time left",
    "results": "the main tables of a study in the terminal",
    "record": "a study's measurements, kept small and added up over several runs",
    "bundle": "a finished study as one file for a journal or an archive",
    "compare": "two studies side by side: what differs in protocol and numbers",
    "gallery": "a study's figures as a page of Markdown with pictures",
    "schema": "the columns of the measurement tables, with units and meaning",
    "verify": "compare every file of a study with the digest that was recorded",
    "clean": "remove the results of a study that others have replaced",
    "wait": "wait for the jobs that a killed Snakemake left behind",
}


def usage() -> str:
    """What the console script says of itself."""
    width = max(map(len, COMMANDS))
    lines = (f"  {name:{width}}  {about}" for name, about in COMMANDS.items())
    return (
        "usage: innerloop COMMAND ...\n\n"
        + "\n".join(lines)
        + "\n\ninnerloop COMMAND --help\ninnerloop --version"
    )


def main(argv: list[str] | None = None) -> None:
    """Run one command."""
    from innerloop.runtime.errors import InnerloopError

    if isinstance(sys.stdout, TextIOWrapper):  # where the locale is ASCII, a label may not be
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
    except InnerloopError as error:
        sys.exit(f"{type(error).__name__}: {error}")
