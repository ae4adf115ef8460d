"""The report of the results so far, after jobs have failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from pyarrow.parquet import read_table

from innerloop.commands.so_far import STALE, described, gathered, made, usable
from innerloop.render.report import write_report
from innerloop.runtime.files import read_json
from innerloop.runtime.provenance import require_spec
from innerloop.specs.train import TrainSpec
from innerloop.study import paths
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.model_key import ModelKey
from innerloop.study.study import Study
from innerloop.study.users_files import users_files


def write_partial_report(
    out: Path | str, study: Study, jobs: Jobs, failed: Sequence[Mapping[str, str]]
) -> bool:
    """Write the report of the models and measurements that a study has so far.

    Files that do not belong to the study as it is now, or are damaged, are left out and listed.
    The study's own results are not changed: aggregates, figures and tables are made in a temporary
    folder, by the code that makes those of the whole study.

    Args:
        out: report-partial.html.
        study: the study.
        jobs: its jobs.
        failed: `what`, `reason` and `log` of each job that failed.

    Returns:
        Whether there was a measured model to report on.
    """
    left_out: dict[str, str] = {}
    measurements = Measurements(jobs)
    splits = {
        name: file
        for name, file in measurements.splits().items()
        if usable(file, left_out, read_table)
    }
    manifests = [_manifest(key, jobs, left_out) for key in study.models]
    description = described(study, splits, manifests)
    if not description["models"]:
        return False
    stores = [paths.fill(paths.IMAGES, dataset=d, store=s) for d, s in jobs.shown_stores()]
    sheets = [paths.fill(paths.SAMPLES, dataset=d, store=s) for d, s in jobs.shown_stores()]
    with TemporaryDirectory(prefix="innerloop-") as name:
        folder = Path(name)
        files = {name: measurements.files(name) for name in measurements.tables()}
        tables = gathered(files, folder, left_out)
        if not tables:
            return False
        figures, printed, unmade = made(study, tables, description, folder)
        write_report(
            out,
            study=description,
            config=study.config,
            figures=figures,
            tables=printed,
            image_manifests=[Path(file) for file in stores if usable(file, left_out, read_json)],
            samples=[Path(file) for file in sheets if usable(file, left_out, _sheet)],
            model_manifests=[Path(file) for file in manifests if file],
            benchmark_folder=Path(paths.BENCHMARKS.format(study=study.name)),
            users_files=users_files(study),
            failed=[*failed, *_as_failures(left_out), *unmade],
        )
    return True


def _as_failures(left_out: Mapping[str, str]) -> list[dict[str, str]]:
    """The files that were left out, in the report's form; all stale ones as one item."""
    stale = [file for file, why in left_out.items() if why == STALE]
    items = [{"what": STALE, "reason": "\n".join(stale), "log": ""}] if stale else []
    damaged = ((file, why) for file, why in left_out.items() if why != STALE)
    return items + [
        {"what": f"Left out: {file}", "reason": why, "log": ""} for file, why in damaged
    ]


def _manifest(key: ModelKey, jobs: Jobs, left_out: dict[str, str]) -> str | None:
    """A model's manifest, if it and the run.json beside it can be shown; else None."""
    manifest = key.fill(paths.MODEL, study=jobs.study.name)
    run = key.fill(paths.LOG, study=jobs.study.name, file="run.json")
    usable(run, left_out, read_json)
    shown = usable(manifest, left_out, _is_of, manifest, jobs.train(key)) and run not in left_out
    return manifest if shown else None


def _is_of(manifest: str, spec: TrainSpec) -> bool:
    require_spec(manifest, read_json(manifest)["spec"], spec)
    return True


def _sheet(file: str) -> bool:
    with Image.open(file) as image:
        image.verify()
    return True
