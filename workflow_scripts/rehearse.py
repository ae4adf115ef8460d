"""Try the user's own code on random images, and count what networks of their own compute."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from innerloop.learners.options import entry_of
from innerloop.networks.counting import count
from innerloop.networks.counts import keep
from innerloop.networks.network import Network
from innerloop.probes.rehearsal import rehearse
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.runtime.extensions import is_users
from innerloop.runtime.failure import explained
from innerloop.specs.rehearsal import Rehearsal


@program
def main(argv: list[str] | None = None) -> None:
    """Try each spec; a file `.passed` beside it says that it passed. The end tells what did not."""
    parser = spec_parser(__doc__)
    parser.add_argument("--more", nargs="*", default=[], help="further specs")
    arguments = parser.parse_args(argv)
    refused = []
    for file in (arguments.spec, *arguments.more):
        try:
            _try(read_spec(Rehearsal, file))
        except Exception as error:
            print(told := explained(error, __file__))
            refused.append(told.removeprefix("FAILED ").partition("\n\n")[0])
        else:
            Path(file).with_suffix(".passed").touch()
    if refused:
        sys.exit("\nFAILED " + "\n".join(dict.fromkeys(refused)))


def _try(rehearsal: Rehearsal) -> None:
    training = rehearsal.training
    keep(training.network, count(Network.of(training.network)))
    own = is_users(entry_of(training.learner)) or is_users(training.network.network)
    if own or rehearsal.probes:
        with TemporaryDirectory() as folder:
            rehearse(rehearsal, Path(folder))


if __name__ == "__main__":
    main()
