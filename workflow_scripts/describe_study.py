"""Write the resolved study: what figures, tables and the report must know besides measurements."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.command_line import program, read_study
from innerloop.files import write_json
from innerloop.study.description import describe
from innerloop.study.study import Study


@program
def main(argv: list[str] | None = None) -> None:
    """Read the study and write its description."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study file, or its content as JSON")
    parser.add_argument("--out", required=True, type=Path, help="study.json")
    arguments = parser.parse_args(argv)
    write_json(arguments.out, describe(Study(read_study(arguments.study))))


if __name__ == "__main__":
    main()
