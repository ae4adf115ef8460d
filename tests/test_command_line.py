"""What the workflow's scripts share on their command lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from innerloop.command_line import named_paths, program, read_study
from innerloop.errors import ConfigError, DataError


def test_a_study_is_the_same_from_its_file_and_as_json(tmp_path: Path) -> None:
    study = {"small": 1e-05, "list": [1, 2], "text": "1e-05"}
    path = tmp_path / "study.yaml"
    path.write_text("small: 1.0e-05\nlist: [1, 2]\ntext: '1e-05'\n", encoding="utf-8")
    assert read_study(str(path)) == read_study(json.dumps(study)) == study


def test_named_paths() -> None:
    assert named_paths(["a=x/y.parquet", "b=c=d"]) == {"a": Path("x/y.parquet"), "b": Path("c=d")}
    with pytest.raises(ConfigError, match="expected name=path, got 'a'"):
        named_paths(["a"])


def test_errors_for_people_are_one_line_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @program
    def main(argv: list[str] | None = None) -> None:
        raise DataError("no images")

    with pytest.raises(SystemExit, match="DataError: no images"):
        main()
    with pytest.raises(DataError):
        main([])
