"""Write one table from aggregated measurements."""

from __future__ import annotations

from pathlib import Path

from innerloop.measurements.evidence import Evidence
from innerloop.render.files import write_tabulation
from innerloop.render.registry import TABLES, ProductSpec, find
from innerloop.runtime.command_line import named_paths, program, read_spec, spec_parser
from innerloop.runtime.extensions import load_entry
from innerloop.runtime.files import read_json


@program
def main(argv: list[str] | None = None) -> None:
    """Read the aggregates, tabulate, and write csv, tex and json."""
    parser = spec_parser(__doc__)
    parser.add_argument("--study", required=True, type=Path, help="study.json")
    parser.add_argument("--tables", nargs="*", default=[], help="table=aggregate.parquet")
    parser.add_argument("--out", required=True, type=Path, help="path of the files, no suffix")
    arguments = parser.parse_args(argv)
    tables, name = named_paths(arguments.tables), read_spec(ProductSpec, arguments.spec).name
    # a user's probe has one table of measurements, and one to print, of the same name
    product = find(TABLES, "user_probe" if name in tables else name)
    evidence = Evidence(tables, read_json(arguments.study))
    write_tabulation(load_entry(product.entry)(evidence), product, arguments.out)


if __name__ == "__main__":
    main()
