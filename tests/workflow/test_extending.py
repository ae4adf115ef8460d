"""docs/extending.md, to the letter: a user's rule, data set and probe in files of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from study_run import SHARED, Checkout, documented_files

from innerloop.learners.gradient_based.methods import method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of

pytestmark = pytest.mark.workflow


def test_the_rule_has_its_rows(finished: Checkout) -> None:
    rows = finished.aggregate("smoke", "accuracy")
    assert set(rows.loc[rows["method"] == "relative_step", "train_dataset"]) == {"stripes"}
    table = finished.folder / "results/smoke/tables/other_accuracy.csv"
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
    table = finished.folder / "results/smoke/tables/other_accuracy.csv"
    assert "Stripes" in table.read_text(encoding="utf-8")


def test_the_probe_has_its_rows(finished: Checkout) -> None:
    rows = finished.aggregate("smoke", "distance")
    assert set(rows["layer"]) == {"conv1", "conv2", "conv3", "conv4", "head"}
    assert (rows.loc[rows["layer"] == "head", "value"] > 0).all()
    table = pd.read_csv(finished.folder / "results/smoke/tables/distance.csv")
    assert (
        table.astype(str)
        .apply(lambda column: column.str.contains("relative distance"))
        .any(axis=None)
    )


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
