"""The numbers of docs/findings.md are those of the measurements that are kept beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from innerloop.commands.reference import REFERENCE
from innerloop.measurements.evidence import Evidence
from innerloop.papers.own.tables import claims
from innerloop.runtime.files import read_json
from innerloop.study.overlays import merged_study
from innerloop.study.study import Study

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: Without the questions on embedded images, whose test is test_questions_page.py.
PAGE = re.sub(
    r"^## The questions about P1.*?(?=^## )",
    "",
    (DOCS / "findings.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE | re.DOTALL,
)
RECORD = DOCS / "results/compact"


def tables() -> Iterator[tuple[list[str], list[list[str]]]]:
    """The heading and the rows of each table of the page."""
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *rows = (
            [cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()
        )
        yield head, rows


def printed(name: str) -> tuple[list[str], list[list[str]]]:
    content = json.loads((RECORD / f"tables/{name}.json").read_text(encoding="utf-8"))
    return content["columns"], content["rows"]


SOURCES = {
    ("Protocol", "Tested on", "Method", "5-way 1-shot", "for the method"): "own/accuracy",
    ("Protocol", "Method", "Adaptation", "Accuracy", "Points"): "questions/interventions",
    ("Protocol", "Trained on", "Method", "Adaptation", "Accuracy", "Points"): (
        "questions/interventions"
    ),
    ("Method", "Layer", "Mean", "Negative (%)"): "p2/table1_step_sizes",
    ("Protocol", "Method", "Layer", "CKA", "Own", "Inherited"): "questions/own_change",
}
#: Heading of the table of claims on which the demo and real images disagree.
FORETOLD = ("Claim", "Demo", "Real images")


@pytest.mark.parametrize("heading", SOURCES, ids=SOURCES.values())
def test_every_row_is_one_of_the_record_s(heading: tuple[str, ...]) -> None:
    columns, rows = printed(SOURCES[heading])
    places = [
        next(i for i, name in enumerate(columns) if name.endswith(title)) for title in heading
    ]
    known = {tuple(row[place] for place in places) for row in rows}
    shown = [tuple(row) for head, rows in tables() if tuple(head) == heading for row in rows]
    assert shown
    assert set(shown) <= known


def test_every_number_of_the_text_is_printed_in_the_record() -> None:
    """With its sign, if the text gives one."""
    form = re.compile(r"[+−]?\d+\.\d+ ± <?\d+\.\d+")
    names = ("own/claim_comparisons", "own/claims", "p2/ttest_prototypes", "own/accuracy")
    cells = " ".join(cell for name in names for row in printed(name)[1] for cell in row)
    known = {*form.findall(cells)}
    known |= {number.lstrip("+−") for number in known}
    numbers = form.findall(re.sub(r"^\|.*$", "", PAGE, flags=re.MULTILINE))
    assert len(numbers) > 100
    assert [number for number in numbers if number not in known] == []


def test_the_study_of_the_papers_size_trains_three_models(tmp_path: Path) -> None:
    """As the page says that it does."""
    found = re.search(r"`paper_size.yaml`:\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    laid_over = tmp_path / "paper_size.yaml"
    laid_over.write_text(found[1], encoding="utf-8")
    config = DOCS.parent / "config"
    study = merged_study([config / "paper.yaml", config / "sample/sample.yaml", laid_over])
    trained = [(key.protocol, key.variant) for key in Study(study).models]
    assert sorted(trained) == [("p1", "maml"), ("p1", "scaled_lr"), ("p2", "meta_sgd")]


def test_where_the_demo_and_real_images_decide_otherwise_is_said() -> None:
    """Of claims that both decide for their models: how many agree, and which do not."""
    study = read_json(REFERENCE / "study.json")
    files = {path.stem: path for path in (REFERENCE / "aggregates").glob("*.parquet")}
    demo = claims.tabulate(Evidence(files, study)).display
    columns, rows = printed("own/claims")
    real = pd.DataFrame(rows, columns=columns)
    both = demo.merge(real, on=["Claim", "Source"], suffixes=("", " on real images"))
    assert len(both) > 50
    verdicts = both[["Verdict", "Verdict on real images"]].apply(
        lambda verdict: verdict.str.extract("^(holds|fails)", expand=False)
    )
    decided = both[["Claim"]].join(verdicts).dropna()
    unlike = decided[decided["Verdict"] != decided["Verdict on real images"]]
    of = len(decided), len(decided) - len(unlike)
    assert (
        "Of the {} claims that both decide for their models, {} have the same".format(*of) in PAGE
    )
    shown = [row for head, rows in tables() if tuple(head) == FORETOLD for row in rows]
    assert shown == unlike.to_numpy().tolist()


def test_only_tables_of_known_sources_are_shown() -> None:
    assert {tuple(head) for head, _ in tables()} == {*SOURCES, FORETOLD}
