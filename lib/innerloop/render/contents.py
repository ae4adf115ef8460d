"""What report.html and report.pdf say first, and their sections: content, order and headings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from innerloop.measurements.described_study import Chosen, DescribedStudy, Model
from innerloop.render import captions

# Not imported from `networks/`, so that an edit there does not write all reports again.
CONV4 = "innerloop.networks.conv4:Conv4"

#: Choices that set the size of models, in words.
_SIZES = {"image_size": "{} pixels", "filters": "{} filters", "iterations": "{:,} iterations"}

#: The study's own tables that judge claims and papers' numbers; they have their own section.
OWN = "own"
CLAIMS, COMPARISONS, PUBLISHED = "claims", "claim_comparisons", "paper_vs_ours"
JUDGING = (CLAIMS, PUBLISHED, COMPARISONS)
VERDICTS_KEY = "verdicts"


def sections(
    study: DescribedStudy,
    figures: Sequence[Mapping[str, Any]],
    tables: Sequence[Mapping[str, Any]],
    *,
    fuller: bool = False,
) -> list[dict[str, Any]]:
    """The report's sections: the study's own results, the verdicts, then one section per paper.

    Args:
        study: the study, which has chosen the papers.
        figures: the content of each figure's .json.
        tables: the content of each table's .json.
        fuller: whether to include the versions of figures that show every variant of the study.

    Returns:
        The sections that are not empty: `key`, `title`, `short` (for the list of contents),
        `figures`, `tables`, and `left_out`, the titles of what was not measured.
    """
    made: list[dict[str, Any]] = []
    figures = [figure for figure in figures if fuller or not figure["fuller"]]
    for paper in study.papers:
        own = [item for item in (*figures, *tables) if item["paper"] == paper.name]
        shown = [item for item in own if item["measured"] and not is_judging(item)]
        made.append(
            {
                "key": f"paper-{paper.name}",
                "title": _title(paper),
                "short": paper.facts.label,
                "figures": [item for item in shown if "alt" in item],
                "tables": [item for item in shown if "alt" not in item],
                "left_out": [
                    *(i["title"] for i in own if not i["measured"] and not i["fuller"]),
                    *paper.left_out,
                ],
            }
        )
    judging = sorted(filter(is_judging, tables), key=lambda table: JUDGING.index(table["name"]))
    made.insert(
        1,
        {
            "key": VERDICTS_KEY,
            "title": "Do the claims hold here?",
            "short": "Claims",
            "figures": [],
            "tables": [table for table in judging if table["measured"]],
            "left_out": [],
        },
    )
    return [one for one in made if one["figures"] or one["tables"] or one["left_out"]]


def is_judging(item: Mapping[str, Any]) -> bool:
    """Whether a figure or table is one of the study's own that judge the papers."""
    return item["paper"] == OWN and item["name"] in JUDGING


def _title(paper: Chosen) -> str:
    facts = paper.facts
    return f"{facts.label}: {facts.title}" if facts.authors else facts.title


def stand_ins(study: DescribedStudy) -> list[tuple[str, str]]:
    """Labels of each stand-in data set and of the papers' data set that it replaces."""
    return [
        (study.dataset_label(name), study.role_label(role)) for role, name in study.replaced.items()
    ]


def population(study: DescribedStudy) -> str:
    """What was trained, on which data sets, with how many seeds, and of which sizes."""
    trained = study.trained_models
    if not trained:
        return "This study trained no model."
    variants = {(model.protocol, model.variant) for model in trained}
    datasets = dict.fromkeys(study.dataset_label(model.dataset) for model in trained)
    each = Counter((m.protocol, m.variant, m.dataset, m.setting) for m in trained)
    seeds = captions.span(each.values())
    return (
        f"This study trained {counted(trained, 'model')} for few-shot classification: "
        f"{counted(variants, 'variant')} on {', '.join(datasets)}, "
        f"{'one seed' if seeds == '1' else f'{seeds} seeds'} each. "
        + captions.join(_sizes(trained), _papers_sizes(study))
    )


def _sizes(trained: Sequence[Model]) -> str:
    """A sentence on the sizes of images, networks and trainings."""
    pixels, iterations = (
        captions.span(model.details[key] for model in trained)
        for key in ("image_size", "iterations")
    )
    conv4 = (model.details for model in trained if model.details.get("network", CONV4) == CONV4)
    filters = {details["filters"] for details in conv4}
    network = f"networks {captions.span(filters)} filters a layer, " if filters else ""
    return f"Images have {pixels} pixels a side, {network}trainings {iterations} outer iterations."


def _papers_sizes(study: DescribedStudy) -> str:
    """What models of other sizes than the papers' can and cannot say; empty if there are none."""
    papers: dict[str, list[str]] = {}
    shorter = False
    for paper in study.papers:
        size = paper.facts.size
        models = [m.details for m in study.trained_models if m.protocol == paper.facts.protocol]
        if any(details.get(name) != size[name] for details in models for name in size):
            names = sorted(size, key=[*_SIZES, *size].index)
            told = ", ".join(_SIZES.get(name, f"{name} {{}}").format(size[name]) for name in names)
            papers.setdefault(told, []).append(paper.facts.label)
            length = size.get("iterations", 0)
            shorter |= any(details["iterations"] < length for details in models)
    if not papers:
        return ""
    theirs = "; ".join(f"{' and '.join(labels)}: {told}" for told, labels in papers.items())
    late = ", and what takes longer to learn may not show" if shorter else ""
    return (
        f"The papers have other sizes ({theirs}), so at most the order of methods can be compared "
        f"with theirs, not numbers{late}."
    )


def counted(items: Sized, name: str) -> str:
    """`1 model`, `2 models`."""
    return f"1 {name}" if len(items) == 1 else f"{len(items)} {name}s"
