"""Text files are UTF-8 whatever the locale: in a container or on a batch node it may be ASCII."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def calls_without_encoding(tree: ast.Module) -> Iterator[int]:
    """Lines where text is read or written in the locale's encoding; ruff sees only some."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        given = {key.arg for key in node.keywords}
        method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        mode = "".join(ast.unparse(each) for each in node.args[0 if method else 1 :])
        # a path's `open` takes a mode; what takes anything else opens something else
        opens = name == "open" and "b" not in mode and (not method or mode.strip("'rwaxt+") == "")
        if not given & {"encoding", "fileobj"} and (opens or name in ("read_text", "write_text")):
            yield node.lineno


def test_no_text_is_read_or_written_in_the_locale_s_encoding() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("lib", "workflow_scripts", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        for line in calls_without_encoding(ast.parse(path.read_bytes()))
    ]
    assert found == []


def test_a_study_is_read_and_spoken_of_in_an_ascii_locale(tmp_path: Path) -> None:
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_bytes())
    study["title"] = "Zeichen für 少样本"
    study["datasets"]["symbols"]["label"] = "Символы"
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study, allow_unicode=True), encoding="utf-8")
    ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    program = f"from innerloop.commands import main; main(['plan', '--configfile', {str(file)!r}])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env=os.environ | ascii_only, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(rb"smoke: Zeichen f\xfcr \u5c11")
