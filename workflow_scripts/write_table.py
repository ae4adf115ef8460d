"""Write one table from aggregated measurements."""

from __future__ import annotations

from pathlib import Path

from innerloop.measurements.evidence import Evidence
from innerloop.papers.making import tabulate
from innerloop.papers.paper import ProductSpec, read_paper
from innerloop.runtime.command_line import named_paths, program, read_spec, spec_parser
from innerloop.runtime.files import read_json


@program
def main(argv: list[str] | None = None) -> None:
    """Read the aggregates, tabulate, and write csv, tex and json."""
    parser = spec_parser(__doc__)
    parser.add_argument("--study", required=True, type=Path, help="study.json")
    parser.add_argument("--tables", nargs="*", default=[], help="table=aggregate.parquet")
    parser.add_argument("--declared", type=Path, help="declared.json, if any run wrote it")
    parser.add_argument("--out", required=True, type=Path, help="path of the files, no suffix")
    parser.add_argument("--made-by", default="", help="digest of the job's parameters and inputs")
    arguments = parser.parse_args(argv)
    spec = read_spec(ProductSpec, arguments.spec)
    tables = named_paths(arguments.tables)
    # a user's probe has a table of measurements and a printed table with the same name
    product = read_paper(spec.paper).product("tables", spec.name, probes=tables)
    there = arguments.declared and arguments.declared.is_file()
    declared = read_json(arguments.declared) if there else {}
    evidence = Evidence(tables, read_json(arguments.study), declared)
    tabulate(product, evidence, arguments.out, arguments.made_by)


if __name__ == "__main__":
    main()
