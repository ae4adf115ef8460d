"""The report of what is there, after jobs have failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from innerloop.errors import InnerloopError
from innerloop.extensions import load_entry
from innerloop.provenance import write_table
from innerloop.render.files import write_drawing, write_tabulation
from innerloop.render.registry import FIGURES, TABLES, Product
from innerloop.render.report import write_report
from innerloop.study import paths
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.study import Study
from innerloop.tables.aggregate import gather
from innerloop.tables.evidence import Evidence


def write_partial_report(
    out: Path | str, study: Study, jobs: Jobs, failed: Sequence[Mapping[str, str]]
) -> bool:
    """Write the report of the models and measurements that a study has so far.

    Nothing of the study is changed: aggregates, figures and tables are made aside, by the code that
    makes those of the whole study.

    Args:
        out: report-partial.html.
        study: the study.
        jobs: its jobs.
        failed: for each job that failed `what` it is, the `reason` and its `log`.

    Returns:
        Whether there was a model to report on.
    """
    with TemporaryDirectory(prefix="innerloop-") as name:
        folder, left_out = Path(name), list(failed)
        described = describe(study)
        manifests = [Path(key.fill(paths.MODEL, study=study.name)) for key in study.models]
        described["models"] = [
            model
            for model, manifest in zip(described["models"], manifests, strict=True)
            if manifest.is_file()
        ]
        tables = _gathered(Measurements(jobs), folder, left_out)
        if not tables or not described["models"]:
            return False
        own = Measurements(jobs).user_tables()
        figures = _made(FIGURES, tables, described, folder / "figures", write_drawing, left_out)
        printed = _made(
            _tables(own), tables, described, folder / "tables", write_tabulation, left_out
        )
        images = _there(_stores(jobs))
        write_report(
            out,
            study=described,
            config=study.config,
            figures={path.stem: path for path in figures},
            tables={path.stem: path for path in printed},
            image_manifests=images,
            samples=_there([path.with_name("samples.png") for path in images]),
            model_manifests=_there(manifests),
            benchmark_folder=Path(paths.BENCHMARKS.format(study=study.name)),
            failed=left_out,
        )
    return True


def _gathered(
    measurements: Measurements, folder: Path, left_out: list[Mapping[str, str]]
) -> dict[str, Path]:
    """A table of each kind that anything was measured of, from the files that are there."""
    made: dict[str, Path] = {}
    for name in measurements.tables():
        files = {
            file: spec for file, spec in measurements.files(name).items() if Path(file).is_file()
        }
        if files:
            try:
                table, provenance = gather(name, files, logged=name in paths.LOGGED)
            except InnerloopError as error:
                left_out.append(
                    {"what": f"Gather the table {name}", "reason": str(error), "log": ""}
                )
                continue
            made[name] = folder / f"{name}.parquet"
            write_table(table, made[name], provenance)
    return made


def _tables(own: Sequence[str]) -> dict[str, Product]:
    """The tables of a study, as for the whole report."""
    built_in = {name: product for name, product in TABLES.items() if name != "user_probe"}
    return built_in | {name: replace(TABLES["user_probe"], reads=(name,)) for name in own}


def _made(
    products: Mapping[str, Product],
    tables: Mapping[str, Path],
    described: Mapping[str, Any],
    folder: Path,
    write: Callable[[Any, Product, Path], None],
    left_out: list[Mapping[str, str]],
) -> list[Path]:
    """The figures or tables that can be made of what is there, as their .json."""
    made = []
    for name, product in products.items():
        reads = {table: tables[table] for table in product.reads if table in tables}
        if not reads:
            continue
        try:
            drawn = load_entry(product.entry)(Evidence(reads, described))
            write(drawn, product, folder / name)
        except Exception as error:  # what expects models that are not there is left out, and said
            why = f"{type(error).__name__}: {error}"
            left_out.append({"what": f"Make {name} of what is there", "reason": why, "log": ""})
        else:
            made.append(folder / f"{name}.json")
    return made


def _stores(jobs: Jobs) -> list[str]:
    """The image stores of a study, one of each data set."""
    datasets = dict.fromkeys(dataset for dataset, _ in jobs.image_stores())
    return [
        paths.IMAGES.format(dataset=name, store=jobs.store(name, jobs.size_of(name)))
        for name in datasets
    ]


def _there(files: Iterable[Path | str]) -> list[Path]:
    return [Path(file) for file in files if Path(file).is_file()]
