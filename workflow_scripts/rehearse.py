"""Try the user's own code before any job, and count the operations of networks but Conv4."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from innerloop.data.sources.trial import try_source
from innerloop.networks.counting import remember_counts
from innerloop.probes.rehearsal import rehearse
from innerloop.runtime.command_line import program, read_spec
from innerloop.runtime.device import set_up
from innerloop.runtime.extensions import load_entry
from innerloop.runtime.failure import explained
from innerloop.runtime.faults import SeveralFaultsError, told_together
from innerloop.specs.rehearsal import Rehearsal, SourceTrial, require_needs


@program
def main(argv: list[str] | None = None) -> None:
    """Run all trials, mark those that pass by a file `.passed` beside their spec, report others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*", type=Path, metavar="SPEC", help="jobs' parameters")
    parser.add_argument(
        "--sources", nargs="*", default=[], type=Path, help="parameters of trials of image sources"
    )
    arguments = parser.parse_args(argv)
    sources = {file: read_spec(SourceTrial, str(file)) for file in arguments.sources}
    rehearsals = {file: read_spec(Rehearsal, str(file)) for file in arguments.specs}
    if rehearsals:
        set_up(replace(next(iter(rehearsals.values())).training.compute, device="cpu"))
    trials: dict[Path, Callable[[], object]] = {
        **{file: partial(_try_source, each) for file, each in sources.items()},
        **{file: partial(_try, each) for file, each in rehearsals.items()},
    }
    refused = []
    for file, trial in trials.items():
        try:
            trial()
        except Exception as error:
            for each in error.faults if isinstance(error, SeveralFaultsError) else [error]:
                print(told := explained(each, __file__))
                refused.append(told.reason)
        else:
            file.with_suffix(".passed").touch()
    if refused:
        sys.exit("\nFAILED " + "\n".join(dict.fromkeys(refused)))


def _try_source(trial: SourceTrial) -> None:
    spec = trial.source
    known = try_source(load_entry(spec.source), spec.source, spec.dataset, spec.splits)
    with told_together() as faults:
        require_needs(trial.needs, {spec.dataset: known}, faults)


def _try(rehearsal: Rehearsal) -> None:
    remember_counts(rehearsal.training.network)
    if rehearsal.of_users_code:
        with TemporaryDirectory() as folder:
            rehearse(rehearsal, Path(folder))


if __name__ == "__main__":
    main()
