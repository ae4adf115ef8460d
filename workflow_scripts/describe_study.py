"""Write the resolved study: what figures, tables and the report must know besides measurements."""

from __future__ import annotations

from pathlib import Path

from innerloop.runtime.command_line import program, spec_parser
from innerloop.runtime.files import read_json_argument, write_json


@program
def main(argv: list[str] | None = None) -> None:
    """Write the description, which is the job's parameters."""
    parser = spec_parser(__doc__)
    parser.add_argument("--out", required=True, type=Path, help="study.json")
    arguments = parser.parse_args(argv)
    write_json(arguments.out, read_json_argument(arguments.spec, "--spec"))


if __name__ == "__main__":
    main()
