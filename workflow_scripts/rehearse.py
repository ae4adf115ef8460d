"""Try the user's own code on random images, and count what networks of their own compute."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from innerloop.networks.counting import count
from innerloop.networks.counts import keep
from innerloop.networks.network import Network
from innerloop.probes.rehearsal import rehearse
from innerloop.runtime.command_line import program, read_spec, spec_parser
from innerloop.specs.rehearsal import Rehearsal


@program
def main(argv: list[str] | None = None) -> None:
    """Rehearse one training and its measurements."""
    arguments = spec_parser(__doc__).parse_args(argv)
    rehearsal = read_spec(Rehearsal, arguments.spec)
    options = rehearsal.training.network
    keep(options, count(Network.of(options)))
    with TemporaryDirectory() as folder:
        rehearse(rehearsal, Path(folder))


if __name__ == "__main__":
    main()
