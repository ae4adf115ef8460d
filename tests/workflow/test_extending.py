"""docs/extending.md, to the letter: a user's rule, data set and probe in files of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from markupsafe import escape
from study_run import SHARED, Checkout, documented_files

from innerloop.learners.gradient_based.methods import method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.runtime.files import read_json

pytestmark = pytest.mark.workflow


def test_the_rule_has_its_rows(finished: Checkout) -> None:
    rows = finished.aggregate("smoke", "accuracy")
    assert set(rows.loc[rows["method"] == "relative_step", "train_dataset"]) == {"stripes"}
    table = finished.folder / "results/smoke/tables/own/accuracy.csv"
    assert "Relative step" in table.read_text(encoding="utf-8")


def test_the_rule_that_remembers_goes_on_where_plain_descent_would_stop(tmp_path: Path) -> None:
    file = tmp_path / "my_momentum.py"
    file.write_text("".join(documented_files()[file.name]), encoding="utf-8")
    chosen = method("maml", update_rule=f"{file}:momentum", rule_options={"decay": 0.5})
    rule, weight, rate = rule_of(chosen), torch.ones(1, 2), torch.tensor(0.1)
    state = rule.init_state("head", weight)
    for step, gradient in enumerate((1.0, 0.0)):
        given = weight, torch.full_like(weight, gradient), rate, state, step, weight
        weight, state = rule.move_tensor("head", *given)
    assert weight.flatten().tolist() == pytest.approx([1 - 0.1 - 0.05] * 2)


def test_the_data_set_has_its_rows(finished: Checkout) -> None:
    rows = finished.aggregate("smoke", "accuracy")
    assert "stripes" in set(rows["eval_dataset"])
    table = finished.folder / "results/smoke/tables/own/accuracy.csv"
    assert "Stripes" in table.read_text(encoding="utf-8")


def test_the_probe_has_its_rows(finished: Checkout) -> None:
    rows = finished.aggregate("smoke", "distance")
    assert set(rows["layer"]) == {"conv1", "conv2", "conv3", "conv4", "head"}
    assert (rows.loc[rows["layer"] == "head", "value"] > 0).all()
    table = pd.read_csv(finished.folder / "results/smoke/tables/own/distance.csv")
    assert (
        table.astype(str)
        .apply(lambda column: column.str.contains("relative distance"))
        .any(axis=None)
    )


def test_the_folder_has_its_figure_table_and_claim(finished: Checkout) -> None:
    results = finished.folder / "results/smoke"
    assert (results / "figures/mine/head_against_body.svg").stat().st_size > 1000
    table = pd.read_csv(results / "tables/mine/spread_of_tasks.csv")
    assert (table["spread"] > 0).any()
    claims = pd.read_csv(results / "tables/own/claims.csv").set_index("name")
    assert claims.loc["head_changes_most", "paper"] == "mine"
    assert claims.loc["head_changes_most", "verdict"] != "not run"
    assert claims.loc["head_moves_farthest", "verdict"] not in ("not run", "not comparable")
    names = {"head_changes_most", "head_moves_farthest"}
    records = read_json(results / "declared.json").values()
    assert {record["claim"] for record in records} == {f"mine/{name}" for name in names}
    assert claims.loc[[*names], "declared"].str.startswith("before measuring, 20").all()
    printed = str(read_json(results / "tables/own/claims.json")["rows"])
    assert re.search(r"MAML, head − conv\d, distance, Stripes, 5-way 1-shot: [+−]\d", printed)
    report = (results / "report.html").read_text(encoding="utf-8")
    assert "Does the head do all the work?" in report


def test_the_report_holds_the_user_s_own_code(finished: Checkout) -> None:
    report = (finished.folder / "results/smoke/report.html").read_text(encoding="utf-8")
    for name in ("mine/claims.yaml", "mine/figures/head_against_body.py"):
        text = (finished.folder / name).read_text(encoding="utf-8")
        assert f"<summary><code>{name}</code></summary>" in report
        assert escape(text.strip().splitlines()[-1]) in report


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("figures/head_against_body.py", '"0.6"', '"0.5"', {"draw_figure": 1}),
        ("tables/spread_of_tasks.py", "std()", "var()", {"write_table": 1}),
        ("claims.yaml", "expected: less", "expected: greater", {"write_table": 3}),
    ],
)
def test_an_edit_in_the_folder_redraws_what_it_is_about(
    finished: Checkout, file: str, old: str, new: str, expected: dict[str, int]
) -> None:
    with finished.edited(f"mine/{file}", old, new):
        assert finished.planned_rules(*SHARED) == {**expected, "write_report": 1}


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "figures/head_against_body.py",
            "TITLE",
            "NAME",
            "head_against_body.py does not say TITLE",
        ),
        ("tables/spread_of_tasks.py", '"accuracy"]', '"acuracy"]', "did you mean 'accuracy'"),
        ("claims.yaml", "quantity: cka", "quantity: cake", "quantity 'cake' is unknown"),
        ("claims.yaml", "probe: distance", "probe: distanse", "did you mean 'distance'"),
    ],
)
def test_a_mistake_in_the_folder_is_one_clear_message(
    finished: Checkout, file: str, old: str, new: str, said: str
) -> None:
    with finished.edited(f"mine/{file}", old, new):
        done = finished.snakemake("-n", *SHARED, check=False)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("my_rule.py", "1e-6", "2e-6", {"train_model": 1}),
        ("my_rule.py", "whatever the gradient's", "come what may", {}),
        ("my_probe.py", "relative distance", "distance", {"measure_probe": 2}),
        ("my_dataset.py", '"stripes.csv")', '"stripes.csv", native_size=20)', {"build_images": 1}),
    ],
)
def test_an_edit_runs_just_what_uses_the_file(
    finished: Checkout, file: str, old: str, new: str, expected: dict[str, int]
) -> None:
    with finished.edited(file, old, new):
        planned = finished.planned("tables", *SHARED)
    first = ("build_images", "train_model", "measure_probe")
    rules = [rule for rule, _ in planned]
    for rule in first[: first.index(next(iter(expected))) + 1 if expected else 3]:
        assert rules.count(rule) == expected.get(rule, 0)
    models = [wildcards for _, wildcards in planned if "seed" in wildcards]
    if file == "my_rule.py":
        assert all("variant=relative_step" in wildcards for wildcards in models)
    else:
        assert all("dataset=stripes" in wildcards for wildcards in models)


def test_a_missing_file_is_one_clear_message(finished: Checkout) -> None:
    text = (finished.folder / "mine.yaml").read_text(encoding="utf-8")
    typo = text.replace("my_rule.py:", "my_rul.py:")
    (finished.folder / "typo.yaml").write_text(typo, encoding="utf-8")
    done = finished.snakemake("-n", "--configfile", "config/smoke.yaml", "typo.yaml", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "there is no file my_rul.py" in said
    assert "Traceback" not in said
