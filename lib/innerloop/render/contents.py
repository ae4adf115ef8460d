"""What report.html and report.pdf contain, in which order, under which heads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from innerloop.measurements.described_study import PAPER_LABELS, DescribedStudy

#: The tables that a report begins with, and what they are for.
CLAIMS, COMPARISONS = "claims", "claim_comparisons"

PAPERS = {
    "P1": "P1: Studying BatchNorm Learning Rate Decay on Meta-Learning Inner-Loop Adaptation",
    "P2": "P2: Negative Inner-Loop Learning Rates Learn Universal Features",
    "Innerloop": "Beyond the papers",
}


def in_order(paths: Mapping[str, Path], registered: Iterable[str]) -> list[Path]:
    """In the registry's order; what it does not know, such as users' probes, last."""
    names = [name for name in registered if name in paths]
    return [paths[name] for name in [*names, *sorted(set(paths) - set(names))]]


def sections(
    figures: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The claims, then a section a paper; each with its figures and tables."""
    claims = [table for table in tables if table["name"] == CLAIMS]
    found = [{"key": "claims", "title": "The papers' claims", "figures": [], "tables": claims}]
    found += [
        {
            "key": paper,
            "title": title,
            "figures": [figure for figure in figures if figure["paper"] == paper],
            "tables": [t for t in tables if t["paper"] == paper and t["name"] != CLAIMS],
        }
        for paper, title in PAPERS.items()
    ]
    return [section for section in found if section["figures"] or section["tables"]]


def stand_ins(study: DescribedStudy) -> list[tuple[str, str]]:
    """Each data set that stands in for one of the papers', with that one."""
    return [
        (study.dataset_label(study.in_role(role)), label)
        for role, label in PAPER_LABELS.items()
        if study.in_role(role) != role
    ]
