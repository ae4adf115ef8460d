"""The report: one self-contained HTML file, readable offline, on a phone and in the dark."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from innerloop import __version__
from innerloop.measurements.described_study import DescribedStudy
from innerloop.render.benchmarks import benchmarks, by_stage
from innerloop.render.contents import CLAIMS, COMPARISONS, in_order, sections, stand_ins
from innerloop.render.files import with_suffix
from innerloop.render.provenance import (
    FILES,
    STORE,
    data_sets,
    model_rows,
    protocols,
    shared_facts,
)
from innerloop.render.registry import FIGURES, TABLES
from innerloop.render.tabulation import is_numeric
from innerloop.runtime.files import atomic_path, read_json
from innerloop.runtime.provenance import circumstances, commit_in_words

HERE = Path(__file__).parent
TEMPLATE = "templates/report.html"
STYLE = "templates/report.css"
SCRIPT = "templates/report.js"

#: The tables that the report begins with.
HEADLINE = "p1_table1_accuracy"
VERDICTS, VERDICT = "paper_vs_ours", "Verdict"

#: Columns with cells longer than this are wrapped, those of long texts less narrowly.
WRAPPED, LONG = 24, 40

#: Sheets of sample images are enlarged up to this width, in pixels.
SHEET_WIDTH = 760


def write_report(
    out: Path | str,
    study: Mapping[str, Any],
    config: Mapping[str, Any],
    figures: Mapping[str, Path],
    tables: Mapping[str, Path],
    image_manifests: Sequence[Path] = (),
    samples: Sequence[Path] = (),
    model_manifests: Sequence[Path] = (),
    benchmark_folder: Path | None = None,
    failed: Sequence[Mapping[str, str]] = (),
) -> None:
    """Write report.html.

    Args:
        out: the file.
        study: the study's description.
        config: the study file.
        figures: name -> the figure's .json; its .svg lies beside it.
        tables: name -> the table's .json.
        image_manifests: manifest.json of the image stores.
        samples: sheets of sample images, each beside its store's manifest.json.
        model_manifests: model.json of the models; run.json may lie beside it.
        benchmark_folder: where Snakemake's benchmarks of the study are.
        failed: of a partial report, what it lacks: `what`, `reason` and `log` of each.
    """
    described = DescribedStudy(study)
    drawn = [_figure(path) for path in in_order(figures, FIGURES)]
    printed = [_table(path) for path in in_order(tables, TABLES)]
    by_name = {table["name"]: table for table in printed}
    manifests = [read_json(path) for path in model_manifests]
    measured = benchmarks(benchmark_folder)
    models = model_rows(model_manifests, described, measured)
    images = data_sets(image_manifests, samples, described)
    for data_set in images:
        data_set["samples"] = [_sheet(path) for path in data_set["samples"]]
    page = _template().render(
        study=described,
        title=config.get("title") or described.name,
        failed=failed,
        stand_ins=stand_ins(described),
        at_top=[by_name[name] for name in (CLAIMS, HEADLINE) if name in by_name],
        claims=by_name.get(CLAIMS),
        headline=by_name.get(HEADLINE),
        claim_verdicts=_verdicts(by_name.get(CLAIMS)),
        comparisons_name=COMPARISONS if COMPARISONS in by_name else "",
        verdicts=_verdicts(by_name.get(VERDICTS)),
        verdicts_name=VERDICTS,
        verdict_column=VERDICT,
        facts=_facts(described, models),
        papers=[section for section in sections(drawn, printed) if section["key"] != CLAIMS],
        data_sets=images,
        store_columns=STORE,
        file_columns=FILES,
        protocols=protocols(described),
        models=models,
        stages=by_stage(measured.values()),
        shared=[*shared_facts(manifests, models), _written(circumstances())],
        description=dict(study),
        config=dict(config),
        version=__version__,
        style=Markup((HERE / STYLE).read_text(encoding="utf-8")),
        script=Markup((HERE / SCRIPT).read_text(encoding="utf-8")),
    )
    with atomic_path(out) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string((HERE / TEMPLATE).read_text(encoding="utf-8"))


def _figure(path: Path) -> dict[str, Any]:
    svg = with_suffix(path.with_suffix(""), ".svg")
    return {**read_json(path), "image": _data_uri(svg)}


def _sheet(path: Path) -> dict[str, Any]:
    """A sheet of sample images, enlarged by a whole number so that small pixels stay sharp."""
    width = int.from_bytes(path.read_bytes()[16:20])  # of a PNG's header
    return {"image": _data_uri(path), "width": width * max(1, SHEET_WIDTH // width)}


def _table(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = read_json(path)
    columns = range(len(table["columns"]))
    cells = [[row[index] for row in table["rows"]] for index in columns]
    table["numeric"] = [is_numeric(column) for column in cells]
    table["wrap"] = [_wrap(max(map(len, column), default=0)) for column in cells]
    table["bold"] = [tuple(place) for place in table["bold"]]
    return table


def _wrap(longest: int) -> str:
    """How a column is wrapped: a class of the style sheet."""
    if longest > LONG:
        return "long"
    return "wrapped" if longest > WRAPPED else ""


def _verdicts(table: Mapping[str, Any] | None) -> list[tuple[str, int]]:
    """How often each verdict was given, most frequent first."""
    if table is None or not table["rows"]:
        return []
    column = table["columns"].index(VERDICT)
    given = [row[column] for row in table["rows"]]
    counts = {verdict: given.count(verdict) for verdict in dict.fromkeys(given)}
    return sorted(counts.items(), key=lambda item: -item[1])


def _facts(study: DescribedStudy, models: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    seeds = {model.seed for model in study.models}
    trained = sum(model.details.get("iterations") != 0 for model in study.models)
    seconds = sum(model["wall_seconds"] or 0 for model in models)
    facts = {
        "Models trained": str(trained),
        "Variants": str(len(study.variant_names)),
        "Data sets": str(len({model.dataset for model in study.models})),
        "Seeds": str(len(seeds)),
        "Training time": f"{seconds / 3600:.1f} h"
        if seconds >= 3600
        else f"{seconds / 60:.0f} min",
    }
    if not seconds:
        del facts["Training time"]
    return facts


def _written(found: Mapping[str, Any]) -> tuple[str, str]:
    """When, where and by which commit the report itself was written."""
    commit = commit_in_words(found)
    return "This report written", f"{found['date']} on {found['host']}, commit {commit}"


def _data_uri(path: Path) -> str:
    kind = {".svg": "image/svg+xml", ".png": "image/png"}[path.suffix]
    return f"data:{kind};base64,{b64encode(path.read_bytes()).decode()}"
