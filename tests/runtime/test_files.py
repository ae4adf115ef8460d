"""Files appear whole or not at all."""

import json
from pathlib import Path

import pytest

from innerloop.runtime.errors import ConfigError, DamagedFileError
from innerloop.runtime.files import (
    atomic_path,
    canonical_json,
    read_json,
    read_json_argument,
    remove_leftovers,
    write_json,
)


def test_replaces_the_file_when_all_is_well(tmp_path: Path):
    path = tmp_path / "deep" / "table.parquet"
    for text in ("old", "new"):
        with atomic_path(path) as temporary:
            assert temporary.parent == path.parent
            assert temporary.suffix == ".parquet"
            temporary.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text
    assert list(path.parent.iterdir()) == [path]


def test_leaves_everything_as_it_was_when_not(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_half()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_who_reads_the_old_file_goes_on_reading_it(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")
    with path.open(encoding="utf-8") as reader:
        with atomic_path(path) as temporary:
            temporary.write_text("new", encoding="utf-8")
        assert reader.read() == "old"
    assert path.read_text(encoding="utf-8") == "new"


def test_the_file_does_not_exist_before_the_end(tmp_path: Path):
    path = tmp_path / "model.pt"
    with atomic_path(path) as temporary:
        temporary.write_text("x", encoding="utf-8")
        assert not path.exists()
    assert path.exists()


def test_writers_of_one_file_do_not_meet(tmp_path: Path):
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        assert first != second
        first.write_text("1", encoding="utf-8")
        second.write_text("2", encoding="utf-8")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "1"


def test_canonical_json():
    assert canonical_json({"b": [1, 2.5], "a": None}) == '{"a":null,"b":[1,2.5]}'
    with pytest.raises(ValueError, match="Out of range float"):
        canonical_json({"a": float("nan")})


def test_json_round_trip(tmp_path: Path):
    value = {"b": [1, {"c": "ü"}], "a": 0.1}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value


def test_a_mapping_on_a_command_line_is_text_or_a_file(tmp_path: Path):
    spec, file = {"seed": 1}, tmp_path / "spec.json"
    write_json(file, spec)
    assert [read_json_argument(text, "--spec") for text in (json.dumps(spec), str(file))] == [
        spec,
        spec,
    ]


@pytest.mark.parametrize("text", ["nowhere.json", "{broken", "", "[1, 2]"])
def test_what_is_neither_is_refused(text: str):
    with pytest.raises(ConfigError, match="--access: expected a JSON object"):
        read_json_argument(text, "--access")


def test_a_file_with_something_else_is_refused(tmp_path: Path):
    write_json(tmp_path / "list.json", [1])
    with pytest.raises(ConfigError, match="expected a JSON object, got list"):
        read_json_argument(str(tmp_path / "list.json"), "--spec")


def test_leftovers_of_killed_jobs_are_removed_and_nothing_else(tmp_path: Path):
    kept = [tmp_path / name for name in ("model.pt", ".model.json", "other.pt", ".models.1-a.pt")]
    left = tmp_path / ".model.123-0badcafe.pt"
    for path in [*kept, left]:
        path.touch()
    remove_leftovers(tmp_path / "model.pt")
    assert sorted(tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_json_that_is_none_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"model\.json is not JSON: edited, damag"):
        read_json(tmp_path / "model.json")
