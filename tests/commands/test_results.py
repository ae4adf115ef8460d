"""`innerloop results` and `innerloop.results`: what a study found, in a terminal and as frames."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import innerloop
from innerloop.commands import main
from innerloop.runtime.errors import ConfigError
from shipped import TABLES
from synthetic import ACCURACY, describe


@pytest.fixture
def study(study_folder: Path, tmp_path: Path) -> Path:
    """The folder of a study that has run."""
    return shutil.copytree(study_folder, tmp_path / "results/mine", symlinks=True)


@pytest.mark.parametrize("named", ["mine", "results/mine"])
def test_the_main_table_is_printed_and_others_are_named(
    study: Path, named: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(study.parents[1])
    main(["results", named])
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0] == TABLES["accuracy"].title
    assert TABLES["p1_table1_accuracy"].title in lines
    assert any("Scaled LR" in line and "±" in line for line in lines)
    assert "Accuracy on the query images" in said
    assert lines[-1] == "Other tables: own/claims"
    other = lines[-1].split()[-1]
    main(["results", named, other])
    assert capsys.readouterr().out.startswith(TABLES["claims"].title)


def test_a_study_is_meant_before_a_folder_of_its_name(study: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(study.parents[1])
    Path("mine").mkdir()
    main(["results", "mine"])
    assert capsys.readouterr().out.startswith(TABLES["accuracy"].title)


def test_a_table_may_be_named_without_its_paper(study: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(study.parents[1])
    main(["results", "mine", "table1_accuracy"])
    assert capsys.readouterr().out.startswith(TABLES["p1_table1_accuracy"].title)
    shutil.copytree("results/mine/tables/p1", "results/mine/tables/yours")
    with pytest.raises(SystemExit, match="no table 'table1_accuracy'"):
        main(["results", "mine", "table1_accuracy"])


def test_an_unknown_table_or_study_is_refused(study: Path, monkeypatch) -> None:
    monkeypatch.chdir(study.parents[1])
    with pytest.raises(SystemExit, match=r"no table 'own/acuracy'; did you mean 'own/accuracy'"):
        main(["results", "mine", "own/acuracy"])
    with pytest.raises(SystemExit, match="holds no finished study"):
        main(["results", "yours"])


def test_results_are_frames(study: Path) -> None:
    results = innerloop.results(study)
    assert {"accuracy", "cka", "training"} <= {*results.measurements}
    assert len(results["cka"]) > 0
    assert "test" in set(results["accuracy"]["split"])
    accuracy = results.accuracy
    row = accuracy[
        (accuracy["variant"] == "scaled_lr")
        & (accuracy["shot"] == 1)
        & (accuracy["split"] == "test")
        & (accuracy["train_dataset"].astype(str) == accuracy["eval_dataset"].astype(str))
    ].iloc[0]
    assert 0 < row["low"] < 100 * ACCURACY["scaled_lr"] < row["high"] < 100
    assert {"n", "seeds", "half_width"} <= {*accuracy}
    assert len(results.table("own/accuracy")) > 0
    assert "own/accuracy" in repr(results)
    with pytest.raises(ConfigError, match="did you mean 'cka'"):
        results["ckaa"]


def test_a_record_as_cloned_says_what_makes_its_measurements(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "study.json").write_text(json.dumps(describe()), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no table of measurements 'accuracy'.*innerloop record"):
        innerloop.results(tmp_path).accuracy  # noqa: B018
