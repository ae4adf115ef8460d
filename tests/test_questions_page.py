"""What docs/findings.md says of questions with a study of their own is what is kept of these."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from innerloop.measurements.finished import Finished
from innerloop.render.tabulation import Tabulation
from innerloop.runtime.extensions import load_entry
from innerloop.study.reading import read_study_file
from innerloop.study.study import Study
from shipped import TABLES

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
#: study.json and aggregates/ of each study that was run: a record would keep a file for each model.
RECORDS = ROOT / "docs/results/questions"
STUDIES = {1: "normalisation", 2: "tuned", 3: "diverse_tasks", 4: "detached_norm"}
KEPT = {number: name for number, name in STUDIES.items() if (RECORDS / name).is_dir()}

#: Tables of the page, by their headings; a heading may be the end of a column's name.
SOURCES = {
    ("Protocol", "Method", "5-way 1-shot"): "accuracy",
    ("Protocol", "Method", "Adaptation", "Accuracy", "Points"): "interventions",
    ("Method", "Tuned", "Chosen"): "tuned",
    ("Method", "Layer", "Along (% in 100 steps)", "Across (% in 100 steps)"): "norm_growth",
    ("Comparison", "Found", "For the method"): "claim_comparisons",
    ("Claim", "Verdict", "For the method"): "claims",
}


def section(number: int) -> str:
    """What the page says of a question."""
    return re.split(r"^##+ ", PAGE.split(f"\n### Question {number} ")[1], flags=re.MULTILINE)[0]


@cache
def tabulated(number: int, table: str) -> Tabulation:
    """A table as it is made of the measurements that are kept."""
    made: Tabulation = load_entry(TABLES[table].entry)(
        Finished.read(RECORDS / STUDIES[number]).evidence
    )
    return made


def shown(number: int) -> list[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """The heading and the rows of each table of a question's page."""
    blocks = (
        [tuple(map(str.strip, line.strip("|\n").split("|"))) for line in block.splitlines()]
        for block in re.findall(r"(?:^\|.*\n)+", section(number), re.MULTILINE)
    )
    return [(head, rows) for head, _, *rows in blocks]


@pytest.mark.parametrize("number", range(1, 11))
def test_every_question_has_a_page(number: int) -> None:
    parts = ("Asked", "So far", "Cannot decide", "Would change our mind")
    assert re.findall(r"^\*\*(.+?)\.\*\* \S", section(number), re.MULTILINE) == [*parts]


@pytest.mark.parametrize("number", STUDIES)
def test_a_question_that_is_not_run_says_so(number: int) -> None:
    assert Study(read_study_file(ROOT / f"config/questions/{STUDIES[number]}.yaml")).models
    assert ("Not run yet" in section(number)) == (number not in KEPT)
    assert bool(shown(number)) == (number in KEPT)


@pytest.mark.parametrize("number", KEPT)
def test_every_row_is_one_of_what_is_kept(number: int) -> None:
    for heading, rows in shown(number):
        display = tabulated(number, SOURCES[heading]).display.astype(str)
        columns = [next(c for c in display if c.endswith(title)) for title in heading]
        assert {*rows} <= {*display[columns].itertuples(index=False, name=None)}


@pytest.mark.parametrize("number", KEPT)
def test_every_number_of_the_text_is_one_of_what_is_kept(number: int) -> None:
    prose = re.sub(r"^\|.*$", "", section(number), flags=re.MULTILINE)
    cells = (
        cell
        for table in SOURCES.values()
        for row in tabulated(number, table).display.astype(str).itertuples(index=False)
        for cell in row
    )
    known = " ".join(cells)
    numbers = re.findall(r"[+−]?\d+\.\d+ ± \d+\.\d+", prose)
    assert numbers
    assert [one for one in numbers if one not in known] == []


@pytest.mark.parametrize("number", KEPT)
def test_what_is_kept_is_of_the_study_that_ships(number: int) -> None:
    study = Study(read_study_file(ROOT / f"config/questions/{STUDIES[number]}.yaml"))
    rows = Finished.read(RECORDS / STUDIES[number]).evidence.rows("accuracy", checkpoint="best")
    keys = ["protocol", "variant", "seed", "iteration"]
    found = {(p, v, s) for p, v, s, _ in rows[keys].itertuples(index=False, name=None)}
    assert found == {(key.protocol, key.variant, key.seed) for key in study.models}
