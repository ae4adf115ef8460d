"""Entries: a user's file or a module, found, checked without importing, and loaded."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

import innerloop
from innerloop.learners.gradient_based.update_rules import rules
from innerloop.learners.ridge import Ridge
from innerloop.networks.conv4 import Conv4
from innerloop.probes.cka import cka
from innerloop.runtime.errors import ExtensionError, InputError
from innerloop.runtime.extensions import check_entry, entry_of, load_entry, source_file, split_entry

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


#: Code that users would write, as a module that they import and as a file that is loaded by name.
MINE = """
import innerloop
from torch import nn

@innerloop.update_rule("head")
def rule(weight, gradient, step_size, *, factor=1.0):
    return weight - factor * step_size * gradient

class Net(nn.Sequential):
    def __init__(self, way, image_size, channels):
        super().__init__(nn.Flatten(), nn.Linear(channels * image_size**2, way))

class Learner(innerloop.FeatureLearner):
    pass
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "mine_to_import.py").write_text(MINE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine_to_import", raising=False)
    return importlib.import_module("mine_to_import")


@pytest.mark.parametrize("code", [Conv4, Ridge, cka, rules.scaled_lr, "a.py:b"])
def test_an_entry_leads_back_to_its_code(code: object):
    entry = entry_of("code", code)
    assert entry == code or load_entry(entry) is code


def test_code_itself_is_the_same_as_its_entry(mine: ModuleType):
    given = {"way": 3, "image_size": 16}
    assert innerloop.learner(mine.Learner) == innerloop.learner("mine_to_import:Learner")
    network = innerloop.network("mine_to_import:Net", **given)
    assert innerloop.network(mine.Net, **given) == network
    for make in (innerloop.method, innerloop.Method):
        named = make("maml", update_rule="mine_to_import:rule")
        assert make("maml", update_rule=mine.rule) == named
    file = f"{mine.__file__}:rule"
    assert entry_of("rule", load_entry(file)) == file
    assert source_file(named.update_rule) == Path(mine.__file__)


def test_a_class_that_was_loaded_again_is_built_again(mine: ModuleType):
    before = innerloop.network(mine.Net, way=3, image_size=16)
    file = Path(mine.__file__)
    file.write_text(MINE.replace("nn.Flatten()", "nn.Flatten(), nn.ReLU()"), encoding="utf-8")
    os.utime(file, (1, 1))  # or Python takes the compiled file of the same second
    after = innerloop.network(importlib.reload(mine).Net, way=3, image_size=16)
    assert (len(before.module), len(after.module)) == (3, 3)


def running_program() -> None:
    """What a notebook defines has this module."""


running_program.__module__ = "__main__"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (lambda weight: weight, "<lambda> of"),
        (running_program, "running_program of __main__"),
        (type("Local", (), {}), "Local of"),
        (Ridge(), "an object of type Ridge"),
        (Conv4(3, 16, 3), "an object of type Conv4"),
        (None, "an object of type NoneType"),
        (3, "an object of type int"),
    ],
)
def test_code_without_a_name_that_lasts_is_refused(code: object, shown: str):
    doors = {
        "network": innerloop.network,
        "learner": innerloop.learner,
        "update_rule": lambda code: innerloop.Method("mine", update_rule=code),
        "name": lambda code: innerloop.open_images(code, size=16),
    }
    for argument, door in doors.items():
        with pytest.raises(InputError, match=f"^{argument} is {shown}.* 'path/to/file.py:"):
            door(code)
