"""Study files as they are read: a key given twice is refused, and what is broken by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from innerloop.runtime.errors import ConfigError
from innerloop.study.overlays import merged_study
from innerloop.study.reading import read_study, read_study_file

ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\ntitle: x\nseed: 1\n", "seed is given twice, in lines 1 and 3"),
        ("a:\n  b: 1\n  'b': 2\n", "a.b is given twice, in lines 2 and 3"),
        ("a: {b: 1, c: 2, b: 3}\n", "a.b is given twice, in lines 1 and 1"),
        ("a:\n- {x: 1}\n- x: 1\n  x: 2\n", "a.1.x is given twice, in lines 3 and 4"),
        ("a: &tiny\n  b: 1\n  b: 2\nc: *tiny\n", "a.b is given twice"),
        ('{"a": 1,\n "b": [{"c": 1,\n "c": 2}]}', "one object has the key 'c' 2 times"),
        ("a: 1\nb: [1, 2\nc: 3\n", "line 3: no YAML: "),
        ("a:\n\t- 1\n", "line 2: no YAML: "),
        ("a: 1\n---\nb: 2\n", "no YAML: "),
        ("a: !!python/name:os.system\n", "no YAML: "),
        ("- 1\n", "expected keys and values"),
        ("", "expected keys and values"),
        ("a: 1\ntitle: über\n".encode("latin-1"), "line 2: it is not encoded in UTF-8 (byte 0xfc)"),
        ("a: 2026-13-01\n", "cannot be read as YAML: month must be"),
        ("a: " + "[" * 3000, "cannot be read as YAML: "),
        ("a: \0\n", "cannot be read as YAML: "),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_study_file(written(tmp_path, text))
    assert said in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_anchors_and_merge_keys_are_no_repetition(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3}\nc: {<<: *a, y: 4}\nd: {<<: *a, <<: *b}\ne: [*a, *a]\n"
    read = read_study_file(written(tmp_path, text))
    assert read["c"] == {"x": 1, "y": 4}
    assert read["e"] == [{"x": 1, "y": 2}] * 2


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config").glob("*.yaml")), ids=lambda file: file.name
)
def test_the_studies_that_ship_are_read(file: Path) -> None:
    assert read_study_file(file)["study"]


def test_a_key_in_two_files_is_the_later_one_s(tmp_path: Path) -> None:
    first = written(tmp_path, "a: {x: 1, y: 2}\n")
    second = tmp_path / "second.yaml"
    second.write_text("a: {y: 3}\n", encoding="utf-8")
    assert merged_study([first, second]) == {"a": {"x": 1, "y": 3}}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: there is no such file"):
        read_study_file(tmp_path / "nowhere.yaml")


def test_a_study_is_the_same_from_its_file_and_as_json(tmp_path: Path) -> None:
    study = {"small": 1e-05, "list": [1, 2], "text": "1e-05"}
    path = tmp_path / "study.yaml"
    path.write_text("small: 1.0e-05\nlist: [1, 2]\ntext: '1e-05'\n", encoding="utf-8")
    assert read_study(str(path)) == read_study(json.dumps(study)) == study


@pytest.mark.parametrize("name", ["study.json", "study.yaml", "study.cfg"])
def test_json_is_read_as_json_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    """As a study's description is written, and as Snakemake reads it: 1e-05 is a number there."""
    file = tmp_path / name
    content = {"a": {"small": 1e-05, "text": "1e-05", "none": None}, "b": [True]}
    file.write_text(json.dumps(content, indent="\t"), encoding="utf-8")
    assert merged_study([file]) == read_study(str(file)) == content


def test_what_is_called_json_and_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"a": 1,\n b: 2}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.json, line 2: no JSON: "):
        read_study_file(file)
