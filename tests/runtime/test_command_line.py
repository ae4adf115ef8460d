"""What the workflow's scripts share on their command lines."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from innerloop.runtime.command_line import named_paths, program
from innerloop.runtime.errors import ConfigError, DataError
from innerloop.runtime.files import atomic_path


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


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, r"No space left on device: [\d,.]+ MB are left on the disk of .*make room"),
        (errno.EDQUOT, r"[Qq]uota exceeded: [\d,.]+ MB are left"),
        (errno.EROFS, r"Read-only file system\); correct its permissions, or put it where you may"),
        (errno.EACCES, r"Permission denied\); correct its permissions"),
    ],
)
def test_a_disk_that_refuses_is_one_line(number: int, said: str, tmp_path: Path) -> None:
    @program
    def main(argv: list[str] | None = None) -> None:
        with atomic_path(tmp_path / "deep/table.parquet"):
            raise OSError(number, os.strerror(number))  # as libraries do, which name no file

    with pytest.raises(SystemExit) as ended:
        main()
    message = str(ended.value.code)
    assert re.search(rf"^DiskError: {tmp_path}/deep/table.parquet: cannot be .*{said}", message)
    assert "\n" not in message
    assert not [*(tmp_path / "deep").iterdir()]
