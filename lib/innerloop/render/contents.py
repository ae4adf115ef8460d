"""What report.html and report.pdf contain, in which order, under which heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from innerloop.measurements.described_study import Chosen, DescribedStudy

#: Tables that say what becomes of what the papers claim and print; in a section of their own.
CLAIMS, COMPARISONS, PUBLISHED = "claims", "claim_comparisons", "paper_vs_ours"
VERDICTS = (CLAIMS, PUBLISHED, COMPARISONS)
VERDICTS_KEY = "verdicts"


def sections(
    study: DescribedStudy, figures: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One section per chosen paper, the study's own results first, and one of the verdicts.

    Args:
        study: which has chosen the papers.
        figures: what the .json of each figure holds.
        tables: the same of each table.

    Returns:
        The sections that hold anything: `key`, `title`, `short` (for the list of contents),
        `figures`, `tables`, and `left_out`, the titles of what was not measured.
    """
    made: list[dict[str, Any]] = []
    for paper in study.papers:
        own = [item for item in (*figures, *tables) if item["paper"] == paper.name]
        shown = [item for item in own if item["measured"] and item["name"] not in VERDICTS]
        made.append(
            {
                "key": paper.name,
                "title": _title(paper),
                "short": label_of(paper),
                "figures": [item for item in shown if "alt" in item],
                "tables": [item for item in shown if "alt" not in item],
                "left_out": [
                    *(item["title"] for item in own if not item["measured"]),
                    *paper.left_out,
                ],
            }
        )
    verdicts = {t["name"]: t for t in tables if t["name"] in VERDICTS and t["measured"]}
    made.insert(
        1,
        {
            "key": VERDICTS_KEY,
            "title": "Do the papers’ claims hold here?",
            "short": "Claims",
            "figures": [],
            "tables": [verdicts[name] for name in VERDICTS if name in verdicts],
            "left_out": [],
        },
    )
    return [section for section in made if section["figures"] or section["tables"]]


def label_of(paper: Chosen) -> str:
    """What reports call a paper."""
    return paper.facts.label or paper.name


def _title(paper: Chosen) -> str:
    facts = paper.facts
    return f"{facts.label}: {facts.title}" if facts.authors else facts.title


def stand_ins(study: DescribedStudy) -> list[tuple[str, str]]:
    """Each data set that stands in for one of the papers', with that one."""
    return [
        (study.dataset_label(name), study.role_label(role)) for role, name in study.replaced.items()
    ]
