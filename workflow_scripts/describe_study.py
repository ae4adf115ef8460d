"""Write the resolved study: what figures, tables and the report need besides measurements."""

from __future__ import annotations

from pathlib import Path

from innerloop.runtime.command_line import named_paths, program, spec_parser
from innerloop.runtime.files import read_json_argument, write_json
from innerloop.study.description import with_counts


@program
def main(argv: list[str] | None = None) -> None:
    """Write the description: the job's parameters, and what is counted in the splits."""
    parser = spec_parser(__doc__)
    parser.add_argument("--out", required=True, type=Path, help="study.json")
    parser.add_argument("--splits", nargs="*", default=[], help="dataset=splits.parquet")
    parser.add_argument("--made-by", default="", help="digest of the job's parameters and inputs")
    arguments = parser.parse_args(argv)
    description = read_json_argument(arguments.spec, "--spec")
    description = with_counts(description, named_paths(arguments.splits))
    write_json(arguments.out, {**description, "made_by": arguments.made_by})


if __name__ == "__main__":
    main()
