"""Study files that are not as they should be, through Snakemake itself and in real runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_run import Checkout

from innerloop.runtime.errors import InnerloopError
from innerloop.study.study import Study
from mutants import of_values

pytestmark = pytest.mark.workflow


def written(checkout: Checkout, seed: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """As many mutants as `mutant.yaml` can hold, one after the other."""
    for done, study in of_values(seed, 2 * count):
        try:
            text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
            (checkout.folder / "mutant.yaml").write_text(text, encoding="utf-8")
            yaml.safe_load(text)
        except (RecursionError, UnicodeEncodeError, yaml.YAMLError):
            continue
        yield done, study
        count -= 1
        if not count:
            return


def accepted(study: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.chdir(folder)
    try:
        Study(study)
    except InnerloopError:
        return False
    return True


def compare(checkout: Checkout, seed: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake plans what is accepted, and says of what is not in a line for each thing why."""
    for done, study in written(checkout, seed, count):
        ran = checkout.snakemake("-n", "-q", "--configfile", "mutant.yaml", check=False)
        right = accepted(study, checkout.folder, monkeypatch)
        said = ran.stdout + ran.stderr
        assert (ran.returncode == 0) == right, f"{done}\n{said}"
        assert "Traceback" not in said, f"{done}\n{said}"
        if not right:
            lines = said.splitlines()
            why = [line for line in lines if line.startswith(("mutant.yaml, line", "study file:"))]
            assert why, f"{done}\n{said}"
            assert max(map(len, lines)) < 400, f"{done}\n{said}"


def test_ten_through_snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(Checkout(tmp_path / "checkout"), 1000, 10, monkeypatch)


@pytest.mark.long
def test_sixty_more_through_snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(Checkout(tmp_path / "checkout"), 2000, 60, monkeypatch)


@pytest.mark.long
def test_what_is_accepted_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of them, cut to one model."""
    checkout, ran = Checkout(tmp_path / "checkout"), 0
    for done, study in written(checkout, 3000, 200):
        if not accepted(study, checkout.folder, monkeypatch) or "all" not in study["models"]:
            continue
        study["models"] = {"all": {**study["models"]["all"], "variants": ["maml"], "seeds": [0]}}
        study["evaluation"] = {"tasks": 4, "queries": 5}
        checkout.write_study("mutant.yaml", study)
        if not accepted(study, checkout.folder, monkeypatch):
            continue
        said = checkout.snakemake(
            "train", "evaluate", "probes", "tables",
            "--cores", "1", "--configfile", "mutant.yaml", check=False,
        )  # fmt: skip
        assert said.returncode == 0, f"{done}\n{said.stdout}\n{said.stderr}"
        ran += 1
        if ran == 5:
            return
    raise AssertionError("too few were accepted")
