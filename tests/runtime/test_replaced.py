"""What others replace is kept whole, and taken back by a job that would make it again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from innerloop.runtime.files import canonical_json, write_json
from innerloop.runtime.replaced import keep, take_back

RECORD = {"spec": {"step_size": 0.1, "code": "a"}, "data_digests": {"symbols": "1"}, "inputs": None}
NAMES = ("model.json", "model.pt", "training.csv")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A job's finished files."""
    found = [tmp_path / "models/maml" / name for name in NAMES]
    write_json(found[0], RECORD | {"device": "cpu"})
    for file in found[1:]:
        file.write_text(file.name)
    return found


@pytest.fixture
def replaced(tmp_path: Path) -> Path:
    return tmp_path / "replaced"


def test_kept_and_taken_back(files: list[Path], replaced: Path, capsys) -> None:
    before = [file.read_bytes() for file in files]
    assert keep(files, replaced) is not None
    assert not any(file.exists() for file in files)
    files[0].parent.rmdir()
    assert take_back(files[0], replaced, RECORD)
    assert [file.read_bytes() for file in files] == before
    assert "taken back from" in capsys.readouterr().err
    assert not take_back(files[0], replaced, RECORD)


@pytest.mark.parametrize(
    "other",
    [
        {"spec": {"step_size": 0.2, "code": "a"}},
        {"spec": {"step_size": 0.1, "code": "b"}},
        {"data_digests": {"symbols": "2"}},
        {"inputs": {"model": "3"}},
    ],
)
def test_what_was_made_from_anything_else_stays(
    files: list[Path], replaced: Path, other: dict[str, Any]
) -> None:
    keep(files, replaced)
    assert not take_back(files[0], replaced, RECORD | other)
    assert not files[0].exists()


@pytest.mark.parametrize("moves", range(len(NAMES)))
def test_a_kill_while_files_are_moved(
    files: list[Path], replaced: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run keeps them whole; what is half taken back is not taken by the next job."""
    move = shutil.move

    def killed_after(moves: int) -> None:
        left = iter([True] * moves)

        def moved(*arguments: Any) -> None:
            if not next(left, False):
                raise KeyboardInterrupt
            move(*arguments)

        monkeypatch.setattr(shutil, "move", moved)

    killed_after(moves)
    with pytest.raises(KeyboardInterrupt):
        keep(files, replaced)
    assert not take_back(files[0].with_name("other.json"), replaced, RECORD)
    monkeypatch.setattr(shutil, "move", move)
    assert keep(files, replaced) is not None
    killed_after(moves)
    with pytest.raises(KeyboardInterrupt):
        take_back(files[0], replaced, RECORD)
    monkeypatch.setattr(shutil, "move", move)
    if moves:
        for file in files:  # as Snakemake does before it begins the job again
            file.unlink(missing_ok=True)
        assert not take_back(files[0], replaced, RECORD)
    else:
        assert take_back(files[0], replaced, RECORD)


def test_what_is_computed_anew_whatever_there_is(files: list[Path], replaced: Path) -> None:
    assert keep(files, replaced, anew=canonical_json(RECORD["spec"])) is None
    assert files[0].is_file()


@pytest.mark.parametrize("damage", ["record", "missing"])
def test_what_is_not_whole_is_not_kept(files: list[Path], replaced: Path, damage: str) -> None:
    if damage == "record":
        files[0].write_text("{")
    else:
        files[1].unlink()
    assert keep(files, replaced) is None
    assert files[2].is_file()
