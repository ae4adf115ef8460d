"""The report: one self-contained HTML file, readable offline, on a phone and in the dark."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from innerloop import __version__
from innerloop.measurements.described_study import DescribedStudy
from innerloop.render.benchmarks import benchmarks, by_stage
from innerloop.render.contents import (
    CLAIMS,
    PUBLISHED,
    VERDICTS_KEY,
    counted,
    is_judging,
    population,
    sections,
    stand_ins,
)
from innerloop.render.files import id_of, with_suffix
from innerloop.render.inline_svg import dark_colours, inline_svg
from innerloop.render.provenance import FILES, STORE, data_sets, model_rows, protocols, shared_facts
from innerloop.render.tabulation import by_column, is_numeric
from innerloop.runtime.files import atomic_path, read_json
from innerloop.runtime.progress import duration
from innerloop.runtime.provenance import circumstances, commit_in_words
from innerloop.specs.setting import setting_label, way_and_shot

HERE = Path(__file__).parent
TEMPLATE = "templates/report.html"
STYLE = "templates/report.css"
SCRIPT = "templates/report.js"

#: The column of verdicts.
VERDICT = "Verdict"

_COUNT = re.compile(r" \(\d+ of \d+ comparisons\)")

#: Columns with cells of more than WRAPPED characters are wrapped; above LONG they are wider.
WRAPPED, LONG = 24, 40

#: Tables with more rows are folded, and so are those that judge the papers.
UNFOLDED = 30

#: Media types of the files that the page contains.
TYPES = {
    ".csv": "text/csv",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tex": "application/x-tex",
}

#: Sheets of sample images are enlarged up to this width, in pixels.
SHEET_WIDTH = 760


def write_report(
    out: Path | str,
    study: Mapping[str, Any],
    config: Mapping[str, Any],
    figures: Sequence[Path],
    tables: Sequence[Path],
    image_manifests: Sequence[Path] = (),
    samples: Sequence[Path] = (),
    model_manifests: Sequence[Path] = (),
    benchmark_folder: Path | None = None,
    users_files: Sequence[Path] = (),
    failed: Sequence[Mapping[str, str]] = (),
    made_by: str = "",
) -> None:
    """Write report.html.

    Args:
        out: the file.
        study: the study's description.
        config: the study file.
        figures: the .json of each figure, in order; its .svg lies beside it.
        tables: the .json of each table, in order.
        image_manifests: manifest.json of the image stores.
        samples: sheets of sample images, each beside its store's manifest.json.
        model_manifests: model.json of the models; run.json may lie beside it.
        benchmark_folder: where Snakemake's benchmarks of the study are.
        users_files: code, claims and lists of the user's own.
        failed: for a partial report, `what`, `reason` and `log` of each failed job.
        made_by: digest of the parameters and inputs of the job that writes it.
    """
    described = DescribedStudy(study)
    drawn = [_figure(path) for path in figures]
    printed = [_table(path) for path in tables]
    shown = sections(described, drawn, printed, fuller=True)
    judging = {table["name"]: table for table in printed if is_judging(table)}
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
        abstract=[population(described), *_findings(shown)],
        cited=[paper for paper in described.papers if paper.measured and paper.facts.authors],
        claims=_by_verdict(judging.get(CLAIMS)),
        number_verdicts=_verdicts(judging.get(PUBLISHED)),
        verdict_column=VERDICT,
        facts=_facts(described, models),
        task=_task(described),
        sections=shown,
        data_sets=images,
        seen=_seen(images, described),
        store_columns=STORE,
        file_columns=FILES,
        protocols=protocols(described),
        models=models,
        stages=by_stage(measured.values()),
        shared=[*shared_facts(manifests, models), _written(circumstances())],
        description=dict(study),
        config=dict(config),
        users_files={
            str(path): path.read_text(encoding="utf-8", errors="replace") for path in users_files
        },
        version=__version__,
        made_by=made_by,
        dark_colours=dark_colours({colour for figure in drawn for colour in figure["colours"]}),
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
    figure: dict[str, Any] = read_json(path)
    name = id_of(figure)
    text, colours = inline_svg(svg, name)
    shown = {"svg": Markup(text), "colours": colours}
    return {**figure, "id": name, **shown, "downloads": _downloads(path, name, ".pdf")}


def _seen(images: Sequence[dict[str, Any]], study: DescribedStudy) -> list[dict[str, Any]]:
    """The data sets that have sheets of samples, those trained on first."""
    trained = [study.dataset_label(model.dataset) for model in study.models]
    shown = [one for one in images if one["samples"]]
    return sorted(shown, key=lambda one: [*trained, one["label"]].index(one["label"]))


def _sheet(path: Path) -> dict[str, Any]:
    """A sheet of sample images, enlarged by a whole number so that small pixels stay sharp."""
    width = int.from_bytes(path.read_bytes()[16:20])  # of a PNG's header
    return {"image": _data_uri(path), "width": width * max(1, SHEET_WIDTH // width)}


def _table(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = read_json(path)
    cells = by_column(table["columns"], table["rows"])
    table["numeric"] = [is_numeric(column) for column in cells]
    table["wrap"] = [_wrap(max(map(len, column), default=0)) for column in cells]
    table["id"] = id_of(table)
    table["downloads"] = _downloads(path, table["id"], ".csv", ".tex")
    table["bold"] = [tuple(place) for place in table["bold"]]
    table["folded"] = is_judging(table) or len(table["rows"]) > UNFOLDED
    return table


def _wrap(longest: int) -> str:
    """The CSS class by which a column is wrapped; empty: it is not."""
    if longest > LONG:
        return "long"
    return "wrapped" if longest > WRAPPED else ""


def _by_verdict(table: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The claims grouped by verdict, the most frequent verdict first: `verdict`, `claims`.

    Each claim has its `text`; `count`, how many of its comparisons have the verdict if not all do;
    and `said`, the other columns of the table.
    """
    if table is None or VERDICT not in table["columns"]:
        return []
    groups: dict[str, list[dict[str, Any]]] = {}
    for text, *rest in table["rows"]:
        said = dict(zip(table["columns"][1:], rest, strict=True))
        verdict, count = _without_count(said.pop(VERDICT))
        groups.setdefault(verdict, []).append({"text": text, "count": count, "said": said})
    return [
        {"verdict": verdict, "claims": claims}
        for verdict, claims in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]


def _without_count(verdict: str) -> tuple[str, str]:
    """Split `fails (1 of 2 comparisons) here` into the verdict without brackets, and these."""
    count = _COUNT.search(verdict)
    return (verdict.replace(count[0], ""), count[0].strip()) if count else (verdict, "")


def _findings(shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """The findings of figures and tables, paper by paper, and then of the claims."""
    last = sorted(shown, key=lambda section: section["key"] == VERDICTS_KEY)
    items = [item for section in last for item in (*section["tables"], *section["figures"])]
    return [item["finding"] for item in items if item["finding"] and not item["fuller"]]


def _verdicts(table: Mapping[str, Any] | None) -> list[tuple[str, int]]:
    """How often each verdict was given, most frequent first."""
    if table is None or VERDICT not in table["columns"]:
        return []
    column = table["columns"].index(VERDICT)
    return Counter(row[column] for row in table["rows"]).most_common()


def _facts(study: DescribedStudy, models: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    trained = study.trained_models
    seconds = [model["wall_seconds"] for model in models]
    return {
        "Models trained": str(len(trained)),
        "Variants": str(len({(model.protocol, model.variant) for model in trained})),
        "Data sets": str(len({model.dataset for model in trained})),
        "Seeds": str(len({model.seed for model in trained})),
        **({} if not seconds or None in seconds else {"Training time": duration(sum(seconds))}),
    }


def _task(study: DescribedStudy) -> str:
    """A sentence that explains a task, for the first protocol that trains models."""
    trained = [model.protocol for model in study.trained_models]
    if not trained:
        return ""
    way, shot = way_and_shot(study.main_setting(trained[0]))
    return (
        f"In a {setting_label(way, shot)} task a model learns {way} classes from "
        f"{counted(range(shot), 'labelled image')} of each; accuracy is measured on other images "
        "of these classes."
    )


def _written(written: Mapping[str, Any]) -> tuple[str, str]:
    """When, where and from which commit the report itself was written."""
    commit = commit_in_words(written)
    return "This report written", f"{written['date']} on {written['host']}, commit {commit}"


def _downloads(path: Path, name: str, *suffixes: str) -> list[dict[str, str]]:
    """The files beside a .json, embedded in the page, since it may be passed on without them."""
    return [
        {
            "name": f"{name}{suffix}",
            "kind": {".tex": "TeX"}.get(suffix, suffix[1:].upper()),
            "uri": _data_uri(with_suffix(path.with_suffix(""), suffix)),
        }
        for suffix in suffixes
    ]


def _data_uri(path: Path) -> str:
    return f"data:{TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode()}"
