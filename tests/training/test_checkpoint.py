"""Checkpoints of training in progress: found, refused, saved in time, removed."""

import errno
import os
from pathlib import Path

import pytest
import torch

from innerloop.runtime.errors import CheckpointError, DiskError
from innerloop.training.checkpoint import Checkpoint

STATE = {"iteration": 7, "slow": {"conv1.weight": torch.arange(3.0)}, "curves": [{"loss": 0.5}]}


@pytest.fixture
def said() -> list[str]:
    return []


def checkpoint(folder: Path, said: list[str], fingerprint: str = "a", **more) -> Checkpoint:
    return Checkpoint(folder / "deep" / "run", fingerprint, say=said.append, **more)


def test_comes_back_as_it_was_saved(tmp_path: Path, said: list[str]):
    assert checkpoint(tmp_path, said).read() is None
    checkpoint(tmp_path, said).save(STATE)
    found = checkpoint(tmp_path, said).read()
    assert found is not None
    assert torch.equal(found.pop("slow")["conv1.weight"], STATE["slow"]["conv1.weight"])
    assert found == {key: value for key, value in STATE.items() if key != "slow"}
    assert len(said) == 1
    assert said[0].startswith("continuing at iteration 7 from")


def test_of_other_parameters_is_left_alone(tmp_path: Path, said: list[str]):
    first, second = (checkpoint(tmp_path, said, fingerprint=name) for name in "ab")
    first.save(STATE)
    assert second.read() is None
    assert said.pop().startswith("1 checkpoint(s) of this model under other parameters")
    for iteration in (8, 9):
        second.save({**STATE, "iteration": iteration})
    second.remove()
    found = first.read()
    assert found is not None
    assert found["iteration"] == 7
    assert len(said) == 1


def test_under_another_one_s_name_is_not_continued(tmp_path: Path, said: list[str]):
    first, second = (checkpoint(tmp_path, said, fingerprint=name) for name in "ab")
    first.save(STATE)
    first.path.rename(second.path)
    assert second.read() is None
    assert "is not what its name says" in said[0]


def test_another_job_of_the_same_training_may_move_it_at_any_moment(
    tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
):
    """A killed Snakemake leaves its jobs running, and the next one starts them again."""
    made = checkpoint(tmp_path, said)
    made.save(STATE)
    write = torch.save

    def save(content: object, path: Path) -> None:
        write(content, path)
        made.path.replace(made.previous)

    monkeypatch.setattr(torch, "save", save)
    made.save(STATE)
    assert made.read() is not None


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_damaged_starts_over(tmp_path: Path, said: list[str], kept: int):
    made = checkpoint(tmp_path, said)
    made.save(STATE)
    made.path.write_bytes(made.path.read_bytes()[:kept])
    assert made.read() is None
    assert "is damaged" in said[0]


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, said: list[str]):
    made = checkpoint(tmp_path, said)
    made.path.parent.mkdir(parents=True)
    torch.save({"fingerprint": "a", "state": {"iteration": 0, "bad": Path("x")}}, made.path)
    assert made.read() is None
    assert "is damaged" in said[0]


def test_saves_when_enough_time_has_passed(tmp_path: Path, said: list[str], monkeypatch):
    now = 100.0
    monkeypatch.setattr("innerloop.training.checkpoint.time.monotonic", lambda: now)
    made = checkpoint(tmp_path, said, every_seconds=60)
    now = 159.0
    made.maybe_save(lambda: pytest.fail("too early"))
    now = 160.0
    made.maybe_save(lambda: STATE)
    assert made.path.is_file()
    now = 219.0
    made.maybe_save(lambda: pytest.fail("too early again"))


def test_is_removed_when_training_has_finished(tmp_path: Path, said: list[str]):
    made = checkpoint(tmp_path, said)
    made.remove()
    made.save(STATE)
    made.save(STATE)
    made.remove()
    assert not made.path.parent.exists()


def test_damaged_gives_way_to_the_one_before(tmp_path: Path, said: list[str]):
    made = checkpoint(tmp_path, said)
    made.save({**STATE, "iteration": 6})
    made.save(STATE)
    made.path.write_bytes(made.path.read_bytes()[:100])
    found = made.read()
    assert found is not None
    assert found["iteration"] == 6
    assert "is damaged" in said[0]
    assert "continuing at iteration 6" in said[1]


def test_one_process_alone_trains_a_model(tmp_path: Path, said: list[str]):
    first, other = (checkpoint(tmp_path, said, fingerprint=name) for name in "ab")
    with first:
        with pytest.raises(
            CheckpointError, match=rf"process {os.getpid()} on .* trains this model"
        ):
            other.__enter__()
        first.save(STATE)
    with other:  # the lock went with the process, not with its file
        other.save(STATE)
        other.remove()
    with first:
        first.remove()
    assert not first.path.parent.exists()


def test_what_was_about_to_take_its_place_is_the_newest(tmp_path: Path, said: list[str]):
    made = checkpoint(tmp_path, said)
    made.save({**STATE, "iteration": 6})
    made.save(STATE)
    made.path.rename(made.newest)  # killed between the two renamings
    found = made.read()
    assert found is not None
    assert found["iteration"] == 7


def test_a_full_disk_ends_no_training(tmp_path: Path, said: list[str], monkeypatch):
    made = checkpoint(tmp_path, said, every_seconds=0)
    made.save(STATE)

    def full(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        made.maybe_save(lambda: {**STATE, "iteration": 8})
        with pytest.raises(
            DiskError, match=r"No space left.*0\.0 MB are needed, [\d,.]+ MB are left"
        ):
            made.save(STATE)
    assert said[0].startswith("WARNING: no checkpoint is saved, and the training goes on: ")
    assert {path.name for path in made.path.parent.iterdir()} == {made.path.name}
    found = made.read()
    assert found is not None
    assert found["iteration"] == 7
