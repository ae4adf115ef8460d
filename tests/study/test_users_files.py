"""The user's own files of a study are told from the library's and from data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from innerloop.study.study import Study
from innerloop.study.users_files import users_files

SMOKE = Path(__file__).parents[2] / "config/smoke.yaml"
RULE = """from helper import FACTOR


def rule(weight, gradient, step_size):
    \"\"\"Plain SGD.\"\"\"
    return weight - FACTOR * step_size * gradient
"""


def test_code_with_what_it_imports_papers_and_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {
        "rule.py": RULE,
        "helper.py": "FACTOR = 1.0\n",
        "unused.py": "",
        "mine/paper.yaml": "title: Mine\n",
        "mine/notes.txt": "not read",
        "splits.csv": "class,split\n"
        + "".join(f"{split}{n},{split}\n" for split in ("train", "val", "test") for n in range(5)),
    }
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    config = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
    assert users_files(Study(config)) == []
    config["papers"] = ["p1", "./mine"]
    config["methods"] = {"mine": {"update_rule": "rule.py:rule"}}
    config["protocols"]["p1"]["variants"]["mine"] = {}
    dataset = next(iter(config["datasets"].values()))
    dataset["splits"] = "splits.csv"
    names = ["helper.py", "mine/paper.yaml", "rule.py", "splits.csv"]
    assert [str(file) for file in users_files(Study(config))] == names


def test_a_file_elsewhere_goes_by_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "rule.py").write_text(RULE.replace("from helper import FACTOR", "FACTOR = 1"))
    monkeypatch.chdir(tmp_path / "here")
    config = yaml.safe_load(SMOKE.read_text(encoding="utf-8"))
    config["methods"] = {"mine": {"update_rule": "../rule.py:rule"}}
    config["protocols"]["p1"]["variants"]["mine"] = {}
    assert users_files(Study(config)) == [tmp_path / "rule.py"]
