"""Entries: a user's file or a module, found, checked without importing, and loaded."""

import sys
from pathlib import Path

import pytest

from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.extensions import check_entry, load_entry, source_file, split_entry

BUILT_IN = "innerloop.learners.gradient_based.update_rules.rules:scaled_lr"


@pytest.fixture
def user_file(tmp_path: Path) -> Path:
    path = tmp_path / "my_probe.py"
    path.write_text(
        "from math import pi as circle\nOPTIONS: dict = {}\nx = 1\n\n\n"
        "def probe(model):\n    return x\n",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("entry", ["scaled_lr", ":name", "file.py:", "file.py:not a name", ""])
def test_not_an_entry(entry: str):
    with pytest.raises(ExtensionError, match="neither a known name nor an entry"):
        split_entry(entry)


def test_the_two_kinds():
    assert split_entry("a/b:c.py:name") == ("a/b:c.py", "name")


def test_a_users_file(user_file: Path):
    assert source_file(f"{user_file}:probe") == user_file
    assert check_entry(f"{user_file}:probe") == user_file
    assert load_entry(f"{user_file}:probe")(None) == 1


@pytest.mark.parametrize("name", ["probe", "OPTIONS", "x", "circle"])
def test_all_kinds_of_definitions_count(user_file: Path, name: str):
    check_entry(f"{user_file}:{name}")
    load_entry(f"{user_file}:{name}")


def test_a_module_of_innerloop_is_found_without_importing_it():
    assert source_file(BUILT_IN).name == "rules.py"
    assert check_entry(BUILT_IN) == source_file(BUILT_IN)
    assert load_entry(BUILT_IN).roles == ("conv_weight",)


def test_checking_runs_nothing(tmp_path: Path):
    path = tmp_path / "loud.py"
    path.write_text("raise SystemExit('was run')\nrule = 1\n", encoding="utf-8")
    assert check_entry(f"{path}:rule") == path


@pytest.mark.parametrize("use", [check_entry, load_entry])
def test_what_is_missing_is_named(use, user_file: Path, tmp_path: Path):
    with pytest.raises(ExtensionError, match=r"no file .*nowhere\.py \(seen from"):
        use(f"{tmp_path / 'nowhere.py'}:probe")
    with pytest.raises(ExtensionError, match="does not define 'prob'"):
        use(f"{user_file}:prob")
    with pytest.raises(
        ExtensionError, match=r"no module .*torch_of_another_world|failed: No module"
    ):
        use("torch_of_another_world:x")
    with pytest.raises(ExtensionError, match=r"innerloop\.nowhere"):
        use("innerloop.nowhere:x")


def test_a_syntax_error_is_named_by_line(tmp_path: Path):
    path = tmp_path / "broken.py"
    path.write_text("x = 1\ndef rule(:\n", encoding="utf-8")
    with pytest.raises(ExtensionError, match=r"broken\.py, line 2"):
        check_entry(f"{path}:rule")


def test_a_file_that_cannot_import_is_not_half_loaded(tmp_path: Path):
    path = tmp_path / "incomplete.py"
    path.write_text("rule = 1\nimport torch_of_another_world\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ExtensionError, match=r"importing .* failed: No module named"):
            load_entry(f"{path}:rule")


def test_errors_of_the_users_own_code_are_shown_as_they_are(tmp_path: Path):
    path = tmp_path / "faulty.py"
    path.write_text("import math\nrule = math.nothing\n", encoding="utf-8")
    with pytest.raises(AttributeError, match="nothing"):
        load_entry(f"{path}:rule")
    path = tmp_path / "reader.py"
    path.write_text("rule = open('no_such_table.csv')\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="no_such_table"):
        load_entry(f"{path}:rule")


def test_a_file_is_loaded_once_and_another_of_its_name_is_another(tmp_path: Path):
    entries = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rule.py").write_text(f"made = ['{folder}']\n", encoding="utf-8")
        entries.append(f"{tmp_path / folder / 'rule.py'}:made")
    assert load_entry(entries[0]) is load_entry(entries[0])
    assert [load_entry(entry) for entry in entries] == [["a"], ["b"]]


def test_a_user_file_may_import_its_neighbour(tmp_path: Path):
    (tmp_path / "neighbour_of_mine.py").write_text("VALUE = 7\n", encoding="utf-8")
    (tmp_path / "with_neighbour.py").write_text(
        "from neighbour_of_mine import VALUE\n", encoding="utf-8"
    )
    before = list(sys.path)
    assert load_entry(f"{tmp_path / 'with_neighbour.py'}:VALUE") == 7
    assert sys.path == before
