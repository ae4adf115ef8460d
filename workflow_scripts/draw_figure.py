"""Draw one figure from aggregated measurements."""

from __future__ import annotations

from pathlib import Path

from innerloop.measurements.evidence import Evidence
from innerloop.papers.making import draw
from innerloop.papers.paper import ProductSpec, read_paper
from innerloop.runtime.command_line import named_paths, program, read_spec, spec_parser
from innerloop.runtime.files import read_json


@program
def main(argv: list[str] | None = None) -> None:
    """Read the aggregates, draw, and write pdf, png, svg and json."""
    parser = spec_parser(__doc__)
    parser.add_argument("--study", required=True, type=Path, help="study.json")
    parser.add_argument("--tables", nargs="*", default=[], help="table=aggregate.parquet")
    parser.add_argument("--out", required=True, type=Path, help="path of the files, no suffix")
    parser.add_argument("--made-by", default="", help="digest of the job's parameters and inputs")
    arguments = parser.parse_args(argv)
    spec = read_spec(ProductSpec, arguments.spec)
    product = read_paper(spec.paper).product("figures", spec.name)
    evidence = Evidence(named_paths(arguments.tables), read_json(arguments.study))
    draw(product, evidence, arguments.out, arguments.made_by)


if __name__ == "__main__":
    main()
