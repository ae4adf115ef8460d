"""The console script `innerloop`: one module a command, loaded when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module

from innerloop.errors import InnerloopError

#: Name -> what it does, in one line. Each is a module here with `main(argv)`.
COMMANDS = {
    "plan": "jobs, hours and wall time of a study, before it is run",
    "wait": "wait for the cluster jobs that a killed Snakemake left behind",
}


def usage() -> str:
    """What is printed where no command is named."""
    width = max(map(len, COMMANDS))
    lines = [f"    innerloop {name:<{width}}  {says}" for name, says in COMMANDS.items()]
    return "\n".join(["usage:", *lines, "", "`innerloop NAME --help` says more."])


def main() -> None:
    """Run the command that the first argument names."""
    name, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if name in ("", "-h", "--help"):
        print(usage())
        return
    if name not in COMMANDS:
        sys.exit(f"innerloop: unknown command '{name}'\n{usage()}")
    try:
        import_module(f"innerloop.commands.{name}").main(arguments)
    except InnerloopError as error:
        sys.exit(f"{type(error).__name__}: {error}")
