"""A study beside the numbers that ship: each table is called what it is, and one digit is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from innerloop.commands import main, reference
from innerloop.commands.reference import DIFFERENT, MISSING, ROUNDING, SAME, WITHIN, fits
from innerloop.measurements.finished import Finished
from innerloop.runtime import provenance
from innerloop.runtime.errors import ConfigError
from innerloop.stats.moderated import moderated_sds
from synthetic import BUILDERS, describe, write_tables

RUN = {
    "processor": "Mill 2", "device": "cpu", "date": "2026-11-28 13:40:38+00:00",
    "commit": "daf35e0c1f2a77", "clean": True,
}  # fmt: skip


def study(folder: Path, seeds: int) -> Path:
    description = describe(("maml",), (), settings=("5w1s",), others=(), seeds=seeds)
    (folder / "aggregates").mkdir(parents=True)
    omit = set(BUILDERS) - {"accuracy", "cka", "step_size_value", "toy", "weight_norm"}
    for path in write_tables(folder / "aggregates", description, episodes=10, omit=omit).values():
        provenance.write_table(pq.read_table(path), path, {"table": path.stem})
    (folder / "study.json").write_text(json.dumps(description), encoding="utf-8")
    model = folder / "models/p1"
    model.mkdir(parents=True)
    (model / "run.json").write_text(json.dumps(RUN), encoding="utf-8")
    versions = {"versions": {"torch": "2.13"}}
    (model / "model.json").write_text(json.dumps(versions), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    size = reference.write_reference(study(folder / "seeds", seeds=6), folder / "shipped")
    assert size < 1_000_000
    return folder / "shipped"


@pytest.fixture
def mine(shipped: Path, tmp_path: Path) -> Path:
    return shutil.copytree(shipped.parent / "seeds", tmp_path / "mine")


def change(
    folder: Path, table: str, column: str, by: float, rows: slice | pd.Series = slice(None)
) -> None:
    path = folder / f"aggregates/{table}.parquet"
    frame, schema = pq.read_table(path).to_pandas(), pq.read_schema(path).remove_metadata()
    place = frame.index[rows]
    frame.loc[place, column] += by
    # by column: from_pandas takes what is not a number for what is missing
    columns = [pa.array(frame[field.name].to_numpy(), field.type) for field in schema]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path)


def verdicts(folder: Path, shipped: Path) -> dict[str, str]:
    return {fit.table: fit.verdict for fit in fits(Finished.read(folder), shipped)}


def test_seed_0_of_what_it_was_made_of_has_the_same_bits(mine, shipped):
    assert set(verdicts(mine, shipped).values()) == {SAME}
    assert "step_size_value" not in verdicts(mine, shipped)


@pytest.mark.parametrize(
    ("by", "rows", "verdict"),
    [(1e-9, slice(3, 4), ROUNDING), (1e-2, slice(3, 4), WITHIN), (0.6, slice(0, 10), DIFFERENT)],
)
def test_a_changed_digit_is_found_in_its_table_alone(mine, shipped, by, rows, verdict):
    change(mine, "accuracy", "accuracy", by, rows)
    found = verdicts(mine, shipped)
    assert found.pop("accuracy") == verdict
    assert set(found.values()) == {SAME}


@pytest.mark.parametrize(("share", "verdict"), [(0.99, WITHIN), (1.01, DIFFERENT)])
def test_a_mean_may_lie_where_that_of_another_seed_is_predicted(mine, shipped, share, verdict):
    """Student's prediction interval of one more mean, by Bonferroni for all of the table."""
    spread = pd.read_parquet(shipped / "spread.parquet")
    of_table = spread[spread["table"] == "accuracy"]
    alike = of_table[of_table["number"].str.endswith(": accuracy")]
    sds, freedom = moderated_sds(alike["sd"].to_numpy(), alike["seeds"].to_numpy())
    quantile = stats.t.ppf(1 - 0.01 / (2 * len(of_table)), freedom[0])
    wanted = alike["mean"].iloc[0] + share * quantile * np.sqrt(1 + 1 / 6) * sds[0]
    there = pq.read_table(mine / "aggregates/accuracy.parquet")["accuracy"][:10].to_numpy().mean()
    change(mine, "accuracy", "accuracy", wanted - there, slice(0, 10))
    assert verdicts(mine, shipped)["accuracy"] == verdict


@pytest.mark.parametrize(("by", "verdict"), [(1e-4, WITHIN), (1e-2, DIFFERENT)])
def test_of_raw_pixels_which_no_seed_changes_an_image_may_fall_to_another_class(
    mine, shipped, by, verdict
):
    rows = pq.read_table(mine / "aggregates/accuracy.parquet").to_pandas()
    change(mine, "accuracy", "accuracy", by, rows["variant"] == "raw_pixels")
    assert verdicts(mine, shipped)["accuracy"] == verdict


def test_what_diverged_here_alone_is_different(mine, shipped):
    change(mine, "accuracy", "accuracy", np.nan, slice(0, 10))
    assert verdicts(mine, shipped)["accuracy"] == DIFFERENT


def test_which_iteration_was_best_is_a_result_and_says_not_which_row_it_is(mine, shipped):
    rows = pd.read_parquet(mine / "aggregates/accuracy.parquet")
    assert (rows["checkpoint"] == "best").any()
    change(mine, "accuracy", "iteration", 1, rows["checkpoint"] == "best")
    assert verdicts(mine, shipped)["accuracy"] == SAME


def test_of_a_curve_the_end_is_compared(mine, shipped):
    change(mine, "weight_norm", "norm", 1e6, slice(0, 1))
    assert verdicts(mine, shipped)["weight_norm"] == WITHIN


def test_it_has_one_seed_alone(shipped):
    assert set(pd.read_parquet(shipped / "aggregates/accuracy.parquet")["seed"]) == {0}
    assert {model.seed for model in Finished.read(shipped).study.models} == {0}


def test_the_mean_that_is_farthest_out_is_named(mine, shipped):
    change(mine, "cka", "similarity", -5.0, slice(0, 1))
    (fit,) = (each for each in fits(Finished.read(mine), shipped) if each.table == "cka")
    assert fit.verdict == DIFFERENT
    assert fit.differing == 1
    assert "similarity" in fit.worst


def test_what_is_not_measured_is_said_and_another_study_refused(mine, shipped):
    (mine / "aggregates/toy.parquet").unlink()
    assert verdicts(mine, shipped)["toy"] == MISSING
    for path in mine.glob("aggregates/*.parquet"):
        frame, schema = pq.read_table(path).to_pandas(), pq.read_schema(path).remove_metadata()
        name = "arm" if "arm" in frame else "protocol"
        frame[name] = frame[name].astype(str) + "_of_another"
        pq.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False), path)
    with pytest.raises(ConfigError, match="no row of the reference"):
        verdicts(mine, shipped)


def test_of_a_part_of_the_demo_what_is_there_is_compared(mine, shipped):
    path = mine / "aggregates/accuracy.parquet"
    rows = pq.read_table(path)
    of_one = rows["eval_dataset"].to_pandas() == rows["eval_dataset"][0].as_py()
    pq.write_table(rows.filter(pa.array(of_one)).replace_schema_metadata(None), path)
    (fit,) = (each for each in fits(Finished.read(mine), shipped) if each.table == "accuracy")
    assert fit.verdict == SAME
    assert 0 < fit.measured < fit.numbers
    change(mine, "accuracy", "accuracy", 0.6, slice(0, 10))
    assert verdicts(mine, shipped)["accuracy"] == DIFFERENT


def test_the_command_names_both_machines_and_fails_where_a_table_is_different(
    mine, shipped, monkeypatch, capsys
):
    monkeypatch.setattr("innerloop.commands.compare.fits", lambda study: fits(study, shipped))
    monkeypatch.setattr(
        "innerloop.commands.compare.machine_of_reference",
        lambda: reference.machine_of_reference(shipped),
    )
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(mine), "--reference"])
    assert not ended.value.code
    said = capsys.readouterr().out
    assert said.count("Mill 2, device cpu, torch 2.13, 2026-11-28, commit daf35e0c1f2a") == 2
    change(mine, "weight_norm", "norm", 1e6)
    with pytest.raises(SystemExit) as ended:
        main(["compare", str(mine), "--reference"])
    assert ended.value.code


def test_an_option_that_the_reference_does_not_take_is_refused(mine, capsys):
    with pytest.raises(SystemExit):
        main(["compare", str(mine), "--reference", "--csv", "differences.csv"])
    assert "--reference takes none of them" in capsys.readouterr().err


def test_without_a_reference_it_says_how_one_is_made(mine, tmp_path):
    with pytest.raises(ConfigError, match="make reference"):
        verdicts(mine, tmp_path / "none")
    with pytest.raises(ConfigError, match="needs seed 0 and two more"):
        reference.write_reference(study(tmp_path / "few", seeds=2), tmp_path / "none")


def test_the_reference_that_ships_is_small():
    files = [file for file in reference.REFERENCE.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 1_000_000
    spread = reference.REFERENCE / "spread.parquet"
    assert not files or np.isfinite(pd.read_parquet(spread)["seeds"]).all()
