"""What the workflow's scripts share on their command lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from innerloop.runtime.command_line import named_paths, program
from innerloop.runtime.errors import ConfigError, DataError


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
