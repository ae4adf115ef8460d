"""The report of what is there, after jobs have failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from PIL import Image

from innerloop.measurements.aggregate import gather
from innerloop.measurements.evidence import Evidence
from innerloop.papers.making import draw, tabulate
from innerloop.papers.paper import Product
from innerloop.render.report import write_report
from innerloop.runtime.errors import ProvenanceError
from innerloop.runtime.files import read_json
from innerloop.runtime.provenance import require_spec, write_table
from innerloop.specs.train import TrainSpec
from innerloop.study import paths
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.model_key import ModelKey
from innerloop.study.products import Products
from innerloop.study.study import Study

_STALE = "Left out: files that were made by another study file or other code than now"


def write_partial_report(
    out: Path | str, study: Study, jobs: Jobs, failed: Sequence[Mapping[str, str]]
) -> bool:
    """Write the report of the models and measurements that a study has so far.

    Files that do not belong to the study as it is now, or are damaged, are left out and named.
    Nothing of the study is changed: aggregates, figures and tables are made aside, by the code that
    makes those of the whole study.

    Args:
        out: report-partial.html.
        study: the study.
        jobs: its jobs.
        failed: for each job that failed `what` it is, the `reason` and its `log`.

    Returns:
        Whether there was a measured model to report on.
    """
    left_out: dict[str, str] = {}
    described, measurements = describe(study), Measurements(jobs)
    manifests = [_manifest(key, jobs, left_out) for key in study.models]
    described["models"] = [
        model for model, there in zip(described["models"], manifests, strict=True) if there
    ]
    if not described["models"]:
        return False
    stores = [paths.fill(paths.IMAGES, dataset=d, store=s) for d, s in jobs.shown_stores()]
    sheets = [paths.fill(paths.SAMPLES, dataset=d, store=s) for d, s in jobs.shown_stores()]
    with TemporaryDirectory(prefix="innerloop-") as name:
        folder = Path(name)
        tables = _gathered(measurements, folder, left_out)
        if not tables:
            return False
        unmade: list[Mapping[str, str]] = []
        products = Products(study)
        figures = _made(products, draw, products.figures, tables, described, folder, unmade)
        printed = _made(products, tabulate, products.tables, tables, described, folder, unmade)
        write_report(
            out,
            study=described,
            config=study.config,
            figures=figures,
            tables=printed,
            image_manifests=[Path(file) for file in stores if _read(file, left_out, read_json)],
            samples=[Path(file) for file in sheets if _read(file, left_out, _sheet)],
            model_manifests=[Path(file) for file in manifests if file],
            benchmark_folder=Path(paths.BENCHMARKS.format(study=study.name)),
            failed=[*failed, *_said(left_out), *unmade],
        )
    return True


def _read(file: str, left_out: dict[str, str], read: Callable[..., Any], *arguments: Any) -> Any:
    """What is read of a file; None where it is not there, or cannot be used, which is noted."""
    if file in left_out or not Path(file).is_file():
        return None
    try:
        return read(*arguments or (file,))
    except ProvenanceError:
        left_out[file] = _STALE
    except Exception as error:  # whatever is wrong with it, the other files can be shown
        left_out[file] = f"{type(error).__name__}: {error}"
    return None


def _said(left_out: Mapping[str, str]) -> list[dict[str, str]]:
    """The files that were left out, as the report names them: all that are stale in one."""
    stale = [file for file, why in left_out.items() if why == _STALE]
    said = [{"what": _STALE, "reason": "\n".join(stale), "log": ""}] if stale else []
    damaged = ((file, why) for file, why in left_out.items() if why != _STALE)
    return said + [{"what": f"Left out: {file}", "reason": why, "log": ""} for file, why in damaged]


def _manifest(key: ModelKey, jobs: Jobs, left_out: dict[str, str]) -> str | None:
    """A model's manifest, where it and what lies beside it can be shown."""
    manifest = key.fill(paths.MODEL, study=jobs.study.name)
    run = key.fill(paths.LOG, study=jobs.study.name, file="run.json")
    _read(run, left_out, read_json)
    usable = _read(manifest, left_out, _is_of, manifest, jobs.train(key)) and run not in left_out
    return manifest if usable else None


def _is_of(manifest: str, spec: TrainSpec) -> bool:
    require_spec(manifest, read_json(manifest)["spec"], spec)
    return True


def _sheet(file: str) -> bool:
    with Image.open(file) as image:
        image.verify()
    return True


def _gathered(
    measurements: Measurements, folder: Path, left_out: dict[str, str]
) -> dict[str, Path]:
    """A table of each kind, from the files that are there and are of the study as it is now."""
    made = {}
    for name in measurements.tables():
        found = [
            _read(file, left_out, gather, name, {file: spec})
            for file, spec in measurements.files(name).items()
        ]
        parts = [table for table, _ in filter(None, found)]
        if parts:
            made[name] = folder / f"{name}.parquet"
            write_table(pa.concat_tables(parts), made[name], {"table": name})
    return made


def _made(
    products: Products,
    make: Callable[[Product, Evidence, Path], None],
    wanted: Sequence[Product],
    tables: Mapping[str, Path],
    described: Mapping[str, Any],
    folder: Path,
    unmade: list[Mapping[str, str]],
) -> list[Path]:
    """The figures or tables that can be made of what is there, as their .json."""
    made = []
    for product in wanted:
        reads = {table: tables[table] for table in products.reads(product) if table in tables}
        if not reads:
            continue
        stem = folder / make.__name__ / product.paper / product.name
        try:
            make(product, Evidence(reads, described), stem)
        except Exception as error:  # what expects models that are not there is left out, and said
            why = f"{type(error).__name__}: {error}"
            what = f"Make {product.name} of what is there"
            unmade.append({"what": what, "reason": why, "log": ""})
        else:
            made.append(stem.with_name(f"{product.name}.json"))
    return made
