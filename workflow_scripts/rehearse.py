"""Try the user's own code on random images, and count what networks other than Conv4 compute."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from innerloop.networks.counting import remember_counts
from innerloop.probes.rehearsal import rehearse
from innerloop.runtime.command_line import program, read_spec
from innerloop.runtime.device import set_up
from innerloop.runtime.failure import explained
from innerloop.specs.rehearsal import Rehearsal


@program
def main(argv: list[str] | None = None) -> None:
    """Try each; a file `.passed` beside its spec says that it passed. Then tell what did not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="+", type=Path, metavar="SPEC", help="the jobs' parameters")
    rehearsals = {file: read_spec(Rehearsal, str(file)) for file in parser.parse_args(argv).specs}
    set_up(replace(next(iter(rehearsals.values())).training.compute, device="cpu"))
    refused = []
    for file, rehearsal in rehearsals.items():
        try:
            _try(rehearsal)
        except Exception as error:
            print(told := explained(error, __file__))
            refused.append(told.reason)
        else:
            file.with_suffix(".passed").touch()
    if refused:
        sys.exit("\nFAILED " + "\n".join(dict.fromkeys(refused)))


def _try(rehearsal: Rehearsal) -> None:
    remember_counts(rehearsal.training.network)
    if rehearsal.of_users_code:
        with TemporaryDirectory() as folder:
            rehearse(rehearsal, Path(folder))


if __name__ == "__main__":
    main()
