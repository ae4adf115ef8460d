"""Gather one measurement table of a study from the files of all its jobs."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.command_line import program, read_study
from innerloop.provenance import write_table
from innerloop.study.jobs import LOGGED, Jobs
from innerloop.study.study import Study
from innerloop.tables.aggregate import gather


@program
def main(argv: list[str] | None = None) -> None:
    """Read the study, gather its files of one table, and write them as one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study file, or its content as JSON")
    parser.add_argument("--table", required=True, help="accuracy, cka, training, ...")
    parser.add_argument("--out", required=True, type=Path, help="the gathered table")
    arguments = parser.parse_args(argv)
    study = Study(read_study(arguments.study))
    jobs = Jobs(study, Path(__file__).parent)
    measured = jobs.measured(arguments.table)
    table, provenance = gather(arguments.table, measured, logged=arguments.table in LOGGED)
    write_table(table, arguments.out, {**provenance, "study": study.config})


if __name__ == "__main__":
    main()
