"""What report.html and report.pdf contain, in which order, under which heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from innerloop.measurements.described_study import Chosen, DescribedStudy

#: Tables that say what becomes of what the papers claim and print; in a section of their own.
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
    """One section per chosen paper, the study's own results first, then one of the verdicts.

    Args:
        study: which has chosen the papers.
        figures: what the .json of each figure holds.
        tables: the same of each table.
        fuller: whether figures that show every variant of the study are among them.

    Returns:
        The sections that have anything to show or to name: `key`, `title`, `short` (for the list of
        contents), `figures`, `tables`, and `left_out`, the titles of what was not measured.
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
            "title": "Do the papers’ claims hold here?",
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
    """Each data set that stands in for one of the papers', with that one."""
    return [
        (study.dataset_label(name), study.role_label(role)) for role, name in study.replaced.items()
    ]
