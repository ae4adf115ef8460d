"""Write the report: one self-contained HTML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from innerloop.render.report import write_report
from innerloop.runtime.command_line import program
from innerloop.runtime.files import read_json
from innerloop.study.paths import PARTIAL_REPORT
from innerloop.study.reading import read_study


@program
def main(argv: list[str] | None = None) -> None:
    """Read the metadata of figures, tables, images and models, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, type=Path, help="study.json")
    parser.add_argument("--config", required=True, help="study file, or its content as JSON")
    parser.add_argument("--benchmarks", type=Path, help="folder of the study's benchmarks")
    for name, content in (
        ("figures", "figures/*/*.json, the pictures beside them"),
        ("tables", "tables/*/*.json"),
        ("samples", "sheets of sample images, each beside its store's manifest.json"),
        ("images", "manifest.json of the image stores"),
        ("models", "model.json of the models"),
        ("users-files", "code, claims and lists of the user's own"),
    ):
        parser.add_argument(f"--{name}", nargs="*", type=Path, default=[], help=content)
    parser.add_argument("--out", required=True, type=Path, help="report.html")
    parser.add_argument("--made-by", default="", help="digest of the job's parameters and inputs")
    arguments = parser.parse_args(argv)
    write_report(
        arguments.out,
        study=read_json(arguments.study),
        config=read_study(arguments.config),
        figures=arguments.figures,
        tables=arguments.tables,
        image_manifests=arguments.images,
        samples=arguments.samples,
        model_manifests=arguments.models,
        benchmark_folder=arguments.benchmarks,
        users_files=arguments.users_files,
        made_by=arguments.made_by,
    )
    # remove the partial report of an earlier run
    arguments.out.with_name(Path(PARTIAL_REPORT).name).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
