"""Gather measurement tables of a study from the files of all its jobs."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.measurements.aggregate import gather
from innerloop.runtime.command_line import named_paths, program
from innerloop.runtime.provenance import write_table
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.reading import read_study
from innerloop.study.study import Study


@program
def main(argv: list[str] | None = None) -> None:
    """Read the study, and for each table gather its files and write them as one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study file, or its content as JSON")
    parser.add_argument(
        "--tables", required=True, nargs="+", help="table=file to write: accuracy, cka, training"
    )
    parser.add_argument("--folder", type=Path, help="the study's results, if they were moved")
    parser.add_argument("--made-by", default="", help="digest of the job's parameters and inputs")
    arguments = parser.parse_args(argv)
    study = Study(read_study(arguments.study), checked=True)
    usual = Path("results", study.name)
    folder = arguments.folder or usual
    measurements = Measurements(Jobs(study, Path(__file__).parent))
    for name, out in named_paths(arguments.tables).items():
        files = {
            str(folder / Path(path).relative_to(usual)): spec
            for path, spec in measurements.files(name).items()
        }
        table, provenance = gather(name, files)
        facts = {**provenance, "study": study.config, "made_by": arguments.made_by}
        write_table(table, out, facts)


if __name__ == "__main__":
    main()
