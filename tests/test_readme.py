"""The README's example, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"
EXAMPLE = re.compile(r"^```python\n(import innerloop.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    code = EXAMPLE.search(README.read_text(encoding="utf-8"))
    assert code is not None
    monkeypatch.chdir(tmp_path)
    exec(compile(code[1], "README.md", "exec"), {})
    printed = capsys.readouterr().out
    found = {name: float(value) for name, value in re.findall(r"'(\w+)': ([-\d.]+)", printed)}
    assert set(found) == {"conv1", "conv2", "conv3", "conv4", "head"}
    assert all(value < 1 for value in found.values())
