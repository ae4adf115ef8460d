"""Write a report on the results so far, after jobs of a study have failed."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.commands.partial_report import write_partial_report
from innerloop.runtime.command_line import program
from innerloop.runtime.files import read_json
from innerloop.study.jobs import Jobs
from innerloop.study.reading import read_study
from innerloop.study.study import Study


@program
def main(argv: list[str] | None = None) -> None:
    """Read the study and what failed; write report-partial.html if there are any results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study file, or its content as JSON")
    parser.add_argument(
        "--failed", required=True, type=Path, help="JSON: what, reason, log of each"
    )
    parser.add_argument("--out", required=True, type=Path, help="report-partial.html")
    arguments = parser.parse_args(argv)
    study = Study(read_study(arguments.study), checked=True)
    jobs = Jobs(study, Path(__file__).parent)
    if not write_partial_report(arguments.out, study, jobs, read_json(arguments.failed)):
        arguments.out.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
