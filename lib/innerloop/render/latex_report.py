"""The report as LaTeX, for report.pdf: figures, tables, protocols and versions of report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from innerloop import __version__
from innerloop.measurements.described_study import DescribedStudy
from innerloop.render.contents import population, sections, stand_ins
from innerloop.render.files import id_of, with_suffix
from innerloop.render.latex import BY_NUMBER, escape
from innerloop.render.long_table import LANDSCAPE, long_table
from innerloop.render.provenance import model_rows, protocols, shared_facts
from innerloop.runtime.files import read_json

HERE = Path(__file__).parent
TEMPLATE = "templates/report.tex"

#: Text width of the page, in inches; figures are drawn for it.
TEXT_INCHES = 6.7


def latex_report(
    study: Mapping[str, Any],
    title: str,
    figures: Sequence[Path],
    tables: Sequence[Path],
    model_manifests: Sequence[Path] = (),
) -> tuple[str, dict[str, Path]]:
    """The report's source, and the figures that it includes by name.

    Args:
        study: the study's description.
        title: the report's title.
        figures: the .json of each figure, in order; its .pdf lies beside it.
        tables: the .json of each table, in order.
        model_manifests: model.json of the models.
    """
    described = DescribedStudy(study)
    drawn = [read_json(path) for path in figures]
    printed = [read_json(path) for path in tables]
    manifests = [read_json(path) for path in model_manifests]
    facts = shared_facts(manifests, model_rows(model_manifests, described, {}))
    source = _template().render(
        title=escape(title),
        study=escape(described.name),
        version=__version__,
        population=escape(population(described)),
        papers=[
            {
                key: escape(getattr(paper.facts, key))
                for key in ("title", "label", "authors", "asks")
            }
            for paper in described.papers
            if paper.measured and paper.facts.authors
        ],
        stand_ins=escape(_stand_ins(described)),
        sections=[_section(section) for section in sections(described, drawn, printed)],
        protocols=[
            {
                "title": escape(protocol["title"]),
                "shared": escape(
                    ", ".join(f"{name} {value}" for name, value in protocol["shared"])
                ),
                "table": long_table("", "", protocol["columns"], protocol["rows"]),
            }
            for protocol in protocols(described)
        ],
        provenance=escape(", ".join(f"{name} {value}" for name, value in facts)) or "Not recorded.",
    )
    if "[U+" in source:
        source = source.replace(r"\end{document}", f"\n{escape(BY_NUMBER)}\n\\end{{document}}")
    included = {
        id_of(figure): with_suffix(path.with_suffix(""), ".pdf")
        for path, figure in zip(figures, drawn, strict=True)
    }
    return source, included


def _template() -> Any:
    environment = Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string((HERE / TEMPLATE).read_text(encoding="utf-8"))


def _section(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section in LaTeX; if it begins with a landscape table, its heading is on that page."""
    heading = rf"\section{{{escape(section['title'])}}}"
    figures, tables = [*map(_figure, section["figures"])], [*map(_table, section["tables"])]
    if not figures and tables and tables[0].startswith(LANDSCAPE):
        tables[0] = tables[0].replace(LANDSCAPE, f"{LANDSCAPE}\n{heading}", 1)
        heading = ""
    left_out = escape("; ".join(section["left_out"]))
    return {"heading": heading, "figures": figures, "tables": tables, "left_out": left_out}


def _figure(figure: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "file": f"{id_of(figure)}.pdf",
        "title": escape(figure["title"]),
        "caption": escape(figure["caption"]),
        "width": f"{min(1.0, figure['width_inches'] / TEXT_INCHES):.3f}",
    }


def _table(table: Mapping[str, Any]) -> str:
    return long_table(
        table["title"],
        table["caption"],
        table["columns"],
        table["rows"],
        table["rules"],
        {tuple(place) for place in table["bold"]},
    )


def _stand_ins(study: DescribedStudy) -> str:
    pairs = [
        f"{ours}{'' if place else ' plays the role'} of {theirs}"
        for place, (ours, theirs) in enumerate(stand_ins(study))
    ]
    return f"{', '.join(pairs)}." if pairs else ""
