"""docs/extending.md, to the letter: a user's rule, data set and probe in files of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from study_run import ROOT, Checkout, small_study

pytestmark = pytest.mark.workflow

_BLOCK = re.compile(r'^```(?:python|yaml) title="([\w.]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
STUDY = ("--configfile", "small.yaml", "mine.yaml")


def documented_files() -> dict[str, list[str]]:
    """The blocks of the page by the file that they belong to."""
    blocks: dict[str, list[str]] = {}
    for name, text in _BLOCK.findall((ROOT / "docs/extending.md").read_text(encoding="utf-8")):
        blocks.setdefault(name, []).append(text)
    return blocks


def merged(target: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """What a user who pastes one block after the other ends up with."""
    for key, value in source.items():
        known = target.get(key)
        target[key] = merged(known, value) if isinstance(known, dict) else value
    return target


def write_stripes(folder: Path) -> None:
    """Eighteen classes of striped images, six for each split."""
    random = np.random.RandomState(0)
    lines = ["class,split"]
    for number in range(18):
        name = f"stripe{number:02d}"
        (folder / "stripes" / name).mkdir(parents=True)
        lines.append(f"{name},{('train', 'val', 'test')[number % 3]}")
        wave = np.sin(np.arange(20) * (0.2 + 0.15 * number))
        for index in range(12):
            pixels = 128 + 90 * wave[None, :, None] + random.normal(0, 20, (20, 20, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / "stripes" / name / f"{index}.png")
    (folder / "stripes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The small study with everything of the page added, run to its tables."""
    checkout = Checkout(tmp_path_factory.mktemp("extended") / "innerloop")
    study = small_study()
    study["protocols"]["p1"]["variants"] = {"maml": {}}
    study["probes"] = {}
    del study["models"]["scripts_1shot"]["probes"]
    checkout.write_study("small.yaml", study)
    write_stripes(checkout.folder)
    files = documented_files()
    mine: dict[str, Any] = {}
    for block in files.pop("mine.yaml"):
        merged(mine, yaml.safe_load(block))
    mine["models"]["stripes_1shot"]["variants"] = ["maml", "relative_step"]
    checkout.write_study("mine.yaml", mine)
    for name, blocks in files.items():
        (checkout.folder / name).write_text("".join(blocks), encoding="utf-8")
    checkout.run("tables", *STUDY)
    return checkout


def test_the_rule_has_its_rows(extended: Checkout) -> None:
    rows = extended.aggregate("small", "accuracy")
    assert {"scripts", "stripes"} == set(
        rows.loc[rows["method"] == "relative_step", "train_dataset"]
    )
    table = extended.folder / "results/small/tables/p1_table1_accuracy.csv"
    assert "Relative step" in table.read_text(encoding="utf-8")


def test_the_data_set_has_its_rows(extended: Checkout) -> None:
    rows = extended.aggregate("small", "accuracy")
    assert "stripes" in set(rows["eval_dataset"])
    assert "Stripes" in (extended.folder / "results/small/tables/other_accuracy.csv").read_text(
        encoding="utf-8"
    )


def test_the_probe_has_its_rows(extended: Checkout) -> None:
    rows = extended.aggregate("small", "distance")
    assert set(rows["layer"]) == {"conv1", "conv2", "conv3", "conv4", "head"}
    assert (rows.loc[rows["layer"] == "head", "value"] > 0).all()
    table = pd.read_csv(extended.folder / "results/small/tables/distance.csv")
    assert (
        table.astype(str)
        .apply(lambda column: column.str.contains("relative distance"))
        .any(axis=None)
    )


def test_nothing_is_left_to_do(extended: Checkout) -> None:
    assert extended.planned("tables", *STUDY) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("my_rule.py", "1e-6", "2e-6", {"train_model": 2}),
        ("my_rule.py", "whatever the gradient's", "come what may", {}),
        ("my_probe.py", "relative distance", "distance", {"measure_probe": 2}),
        ("my_dataset.py", '"stripes.csv")', '"stripes.csv", native_size=20)', {"build_images": 1}),
    ],
)  # fmt: skip
def test_an_edit_runs_just_what_uses_the_file(
    extended: Checkout, file: str, old: str, new: str, expected: dict[str, int]
) -> None:
    before = (extended.folder / file).read_text(encoding="utf-8")
    extended.edit(file, old, new)
    try:
        planned = extended.planned("tables", *STUDY)
    finally:
        (extended.folder / file).write_text(before, encoding="utf-8")
    first = ("build_images", "train_model", "measure_probe")
    rules = [rule for rule, _ in planned]
    for rule in first[: first.index(next(iter(expected))) + 1 if expected else 3]:
        assert rules.count(rule) == expected.get(rule, 0)
    models = [wildcards for rule, wildcards in planned if "seed" in wildcards]
    if file == "my_rule.py":
        assert all("variant=relative_step" in wildcards for wildcards in models)
    else:
        assert all("dataset=stripes" in wildcards for wildcards in models)


def test_a_missing_file_is_one_clear_message(extended: Checkout) -> None:
    text = (extended.folder / "mine.yaml").read_text(encoding="utf-8")
    (extended.folder / "typo.yaml").write_text(
        text.replace("my_rule.py:", "my_rul.py:"), encoding="utf-8"
    )
    done = extended.snakemake("-n", "--configfile", "small.yaml", "typo.yaml", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "there is no file my_rul.py" in said
    assert "Traceback" not in said
