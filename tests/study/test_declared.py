"""A claim of the user's is declared before measuring only if a run saw it before."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from innerloop.study.declared import AFTER, BEFORE, declare, declared_of
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.study import Study

SMOKE = yaml.safe_load(
    (Path(__file__).parents[2] / "config/smoke.yaml").read_text(encoding="utf-8")
)


class Folder:
    """A folder in which a study with claims of its own is run."""

    def __init__(self, place: Path) -> None:
        self._place = place / "mine"
        self._place.mkdir()
        (self._place / "paper.yaml").write_text("title: Mine\nprotocol: p1\n", encoding="utf-8")
        self.study = Study({**deepcopy(SMOKE), "papers": [str(self._place)]})
        self.measurements = Measurements(Jobs(self.study))

    def start(self, **expected: str) -> None:
        """Start a run with a claim per quantity, which says what is expected."""
        of = {"variant": "maml", "trained_on": "symbols", "tested_on": "symbols"}
        claims = [
            {
                **{"name": quantity, "claim": f"The {quantity} is {which}.", "where": of},
                "comparisons": [{"quantity": quantity, "of": "maml", "expected": which}],
            }
            for quantity, which in expected.items()
        ]
        (self._place / "claims.yaml").write_text(yaml.safe_dump(claims), encoding="utf-8")
        declare(self.study, self.measurements)

    def measure(self, table: str) -> None:
        """Put a first measurement there."""
        file = Path(next(iter(self.measurements.files(table))))
        file.parent.mkdir(parents=True)
        file.touch()

    def declared(self) -> list[tuple[str, str]]:
        """Each claim that was recorded, and when it was declared."""
        records = declared_of(self.study).values()
        return sorted((record["claim"], record["declared"]) for record in records)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


def test_what_is_edited_after_measuring_is_another_claim(folder: Folder) -> None:
    folder.start(accuracy="greater")
    assert folder.declared() == [("mine/accuracy", BEFORE)]
    folder.measure("accuracy")
    folder.start(accuracy="greater")
    assert folder.declared() == [("mine/accuracy", BEFORE)]
    folder.start(accuracy="less")
    assert folder.declared() == [("mine/accuracy", AFTER), ("mine/accuracy", BEFORE)]
    folder.start(accuracy="greater")
    assert len(folder.declared()) == 2


def test_only_the_measurements_that_decide_a_claim_count(folder: Folder) -> None:
    folder.measure("accuracy")
    folder.start(accuracy="greater", weight_norm="greater")
    assert folder.declared() == [("mine/accuracy", AFTER), ("mine/weight_norm", BEFORE)]


def test_what_was_gathered_is_measured_whatever_the_study_measures_now(folder: Folder) -> None:
    gathered = Path("results/smoke/aggregates/accuracy.parquet")
    gathered.parent.mkdir(parents=True)
    gathered.touch()
    folder.start(accuracy="greater")
    assert folder.declared() == [("mine/accuracy", AFTER)]


def test_a_study_without_claims_of_its_own_records_nothing(folder: Folder) -> None:
    study = Study({**deepcopy(SMOKE), "papers": ["p1"]})
    declare(study, Measurements(Jobs(study)))
    assert not Path("results").exists()
