"""Write the report as one PDF, with LaTeX."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.render.latex_report import latex_report
from innerloop.render.pdf import write_pdf
from innerloop.runtime.command_line import program
from innerloop.runtime.files import read_json


@program
def main(argv: list[str] | None = None) -> None:
    """Read the metadata of figures, tables and models, and write the PDF."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, type=Path, help="study.json")
    parser.add_argument("--title", required=True, help="the report's title")
    for name, content in (
        ("figures", "figures/*/*.json, the .pdf beside them"),
        ("tables", "tables/*/*.json"),
        ("models", "model.json of the models"),
    ):
        parser.add_argument(f"--{name}", nargs="*", type=Path, default=[], help=content)
    parser.add_argument("--out", required=True, type=Path, help="report.pdf")
    arguments = parser.parse_args(argv)
    source, included = latex_report(
        read_json(arguments.study),
        arguments.title,
        figures=arguments.figures,
        tables=arguments.tables,
        model_manifests=arguments.models,
    )
    write_pdf(source, arguments.out, included)


if __name__ == "__main__":
    main()
