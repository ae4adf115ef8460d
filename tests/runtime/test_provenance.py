"""Result files carry what they were made from, and refuse to be taken for others."""

import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tiny
from innerloop.runtime import provenance
from innerloop.runtime.errors import DamagedFileError, InnerloopError, ProvenanceError
from innerloop.runtime.provenance import (
    circumstances,
    commit_in_words,
    read_provenance,
    record,
    require_spec,
    require_unchanged,
    versions,
    write_table,
)
from innerloop.runtime.typed_json import as_json

TABLE = pa.table({"x": pa.array([1, 2])}).replace_schema_metadata({"kept": "yes"})
SPEC = {"seed": 0, "method": {"name": "maml", "step_size": 0.01}, "datasets": ["a", "b"]}


def test_a_table_keeps_its_provenance_and_its_own_metadata(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    write_table(TABLE, path, record(SPEC, data_digests={"x": "abc"}))
    found = read_provenance(path)
    assert found["spec"] == SPEC
    assert found["data_digests"] == {"x": "abc"}
    assert found["versions"] == versions()
    assert pq.read_schema(path).metadata[b"kept"] == b"yes"
    assert pq.read_table(path).column("x").to_pylist() == [1, 2]


def test_versions_of_what_results_depend_on():
    found = versions()
    assert {"python", "innerloop", "torch", "numpy"} <= found.keys()
    assert "not installed" not in (found["torch"], found["numpy"])


def test_a_foreign_file(tmp_path: Path):
    pq.write_table(TABLE, tmp_path / "rows.parquet")
    with pytest.raises(ProvenanceError, match="was not written by Innerloop"):
        read_provenance(tmp_path / "rows.parquet")


def test_one_damaged_byte_is_an_error_for_people_or_none(tmp_path: Path):
    path, damaged = tmp_path / "rows.parquet", tmp_path / "damaged.parquet"
    write_table(TABLE, path, {"spec": SPEC})
    content = path.read_bytes()
    for place in range(0, len(content), 5):
        damaged.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with suppress(InnerloopError):  # none where the byte is no part of what is read
            read_provenance(damaged)
        with suppress(DamagedFileError):
            require_unchanged(damaged)


def test_a_parameter_that_came_later_had_its_default():
    now = tiny.TRAINING
    earlier = as_json(now)
    del earlier["schedule"]["outer_schedule"]
    require_spec("x", earlier, now)
    cosine = replace(now, schedule=replace(now.schedule, outer_schedule="cosine"))
    with pytest.raises(ProvenanceError, match=r"schedule\.outer_schedule: made with 'constant'"):
        require_spec("x", earlier, cosine)


def test_equal_parameters_pass_whatever_their_types():
    require_spec("x", SPEC, {**SPEC, "datasets": ("a", "b")})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seed": 1}, "seed: made with 0, the study says 1"),
        (
            {"method": {"name": "maml", "step_size": 0.03}},
            "method.step_size: made with 0.01, the study says 0.03",
        ),
        ({"datasets": ["a"]}, "datasets: made with"),
        ({"new": True}, "new: made with '\\(absent\\)', the study says True"),
        ({"method": "maml"}, "method: made with"),
    ],
)
def test_other_parameters_are_named(changed: dict, said: str):
    with pytest.raises(ProvenanceError, match=f"results/x does not belong .*{said}"):
        require_spec("results/x", SPEC, {**SPEC, **changed})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The module as a file of a package elsewhere."""
    folder = tmp_path / "checkout" / "lib" / "innerloop"
    folder.mkdir(parents=True)
    shutil.copy(provenance.__file__, folder)
    monkeypatch.setattr(provenance, "__file__", str(folder / "provenance.py"))
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_commit_and_whether_anything_differs_from_it(installed: Path):
    git(installed, "init", "--quiet")
    git(installed, "add", ".")
    git(installed, "commit", "--quiet", "-m", "first")
    commit = git(installed, "rev-parse", "HEAD")
    (installed / "notes.txt").write_text("not tracked")
    found = circumstances()
    assert (found["commit"], found["clean"]) == (commit, True)
    assert commit_in_words(found) == commit[:12]
    with (installed / "provenance.py").open("a") as file:
        file.write("# edited\n")
    found = circumstances()
    assert (found["commit"], found["clean"]) == (commit, False)
    assert commit_in_words(found) == f"{commit[:12]} and changes"


@pytest.mark.parametrize("around", ["nothing", "a checkout of something else", "no git at all"])
def test_installed_without_a_checkout_the_commit_is_unknown(
    installed: Path, around: str, monkeypatch: pytest.MonkeyPatch
):
    if around != "nothing":
        (installed.parent / "own.py").touch()
        git(installed.parent, "init", "--quiet")
        git(installed.parent, "add", "own.py")
        git(installed.parent, "commit", "--quiet", "-m", "own work")
    if around == "no git at all":
        monkeypatch.setenv("PATH", "")
    found = circumstances()
    assert (found["commit"], found["clean"]) == (None, None)
    assert commit_in_words(found) == "unknown"


def test_when_and_where():
    found = circumstances()
    assert abs((datetime.now().astimezone() - datetime.fromisoformat(found["date"])).days) <= 1
    assert found["host"]
    assert found["processor"]


def test_a_processor_is_told_from_another_of_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Virtual machines call all of a maker's the same."""
    one = "cpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R) Processor\n"
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: f"{one}\n{one}")
    assert circumstances()["processor"] == "Intel(R) Xeon(R) Processor, family 6, model 143"


def test_a_process_that_has_read_ends_well(tmp_path: Path):
    """One in four aborted at its end where pyarrow's threads held Python's memory."""
    write_table(TABLE, tmp_path / "rows.parquet", {"spec": SPEC})
    read = (
        "import sys; from innerloop.runtime.provenance import read_table\n"
        "for _ in range(8): read_table(sys.argv[1])"
    )
    command = [sys.executable, "-c", read, str(tmp_path / "rows.parquet")]
    for _ in range(3):
        together = [subprocess.Popen(command) for _ in range(4)]
        assert [each.wait() for each in together] == [0, 0, 0, 0]
