"""The digest of code's meaning: what changes it, what does not, and what each stage reaches."""

from __future__ import annotations

import ast
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

import innerloop
import innerloop.runtime.code_digest as digests
from innerloop.runtime.code_digest import closure, code_digest, modules_reached
from innerloop.runtime.errors import ExtensionError
from innerloop.runtime.python_file import meaning

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
CLOCK = itertools.count(10**18, 10**9)

SCRIPT = '''"""Train."""

from innerloop.deep.model import fit

CURVES = {"title": "Curves"}


def main(steps=3):
    """Fit."""
    return fit(steps)  # quickly
'''


class Checkout:
    """A small library beside a script, as `innerloop` lies beside `workflow_scripts`."""

    def __init__(self, root: Path) -> None:
        self.root, self.script = root, root / "workflow_scripts" / "train.py"
        self.write("lib/innerloop/__init__.py", '_HOME = {"draw": "innerloop.render"}\n')
        self.write("lib/innerloop/render.py", "colour = 'red'\n")
        self.write("lib/innerloop/deep/__init__.py", "")
        self.write(
            "lib/innerloop/deep/model.py",
            "from innerloop import maths\n\nTABLE = 'table.csv'\n\n\n"
            "def fit(n):\n    return maths.double(n)\n",
        )
        self.write("lib/innerloop/maths.py", "def double(x):\n    return 2 * x\n")
        self.write("lib/innerloop/deep/table.csv", "a,b\n")
        self.write("workflow_scripts/train.py", SCRIPT)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        now = next(CLOCK)  # edits may follow each other faster than the file system's clock
        os.utime(path, ns=(now, now))
        return path

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def digest(self, *extra: Path) -> str:
        return code_digest(self.script, extra)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setattr(digests, "LIBRARY", tmp_path / "lib" / "innerloop")
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # quickly", ""),
        ('"""Fit."""', '"""Fit the model, and say how."""'),
        ('    """Fit."""\n', ""),
        ('"""Train."""\n', ""),
        ("\n\n\ndef", "\n\n# here it begins\n\n\n\ndef"),
        ("return fit(steps)", "return (\n        fit(\n            steps,\n        )\n    )"),
        ('"title": "Curves"', "'title': 'Curves'"),
    ],
)
def test_comments_docstrings_and_formatting_do_not_count(checkout: Checkout, old: str, new: str):
    before = checkout.digest()
    checkout.replace("workflow_scripts/train.py", old, new)
    assert checkout.digest() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fit(steps)", "fit(steps + 1)"),
        ("steps=3", "steps=4"),
        ('"Curves"', '"curves"'),
        ("def main", "@cache\ndef main"),
        ("steps=3", "steps: int = 3"),
    ],
)
def test_statements_count(checkout: Checkout, old: str, new: str):
    before = checkout.digest()
    checkout.replace("workflow_scripts/train.py", old, new)
    assert checkout.digest() != before


def test_a_string_that_is_no_docstring_counts(checkout: Checkout):
    before = checkout.digest()
    checkout.write("workflow_scripts/train.py", SCRIPT + '\n"""Not a docstring."""\nx = 1\n')
    other = checkout.digest()
    assert other != before
    checkout.write("workflow_scripts/train.py", SCRIPT + '\n"""Nor this."""\nx = 1\n')
    assert checkout.digest() != other


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lib/innerloop/deep/model.py", "def fit(n)", "def fit(n, m=0)"),
        ("lib/innerloop/maths.py", "2 * x", "x + x"),
        ("lib/innerloop/__init__.py", "draw", "paint"),
        ("lib/innerloop/deep/table.csv", "a,b", "a,c"),
    ],
)
def test_what_it_reaches_counts(checkout: Checkout, name: str, old: str, new: str):
    before = checkout.digest()
    checkout.replace(name, old, new)
    assert checkout.digest() != before


def test_what_it_does_not_reach_does_not(checkout: Checkout):
    """The package itself names its parts lazily, and so does not pull everything in."""
    before = checkout.digest()
    checkout.replace("lib/innerloop/render.py", "red", "blue")
    checkout.write("lib/innerloop/deep/other.csv", "new")
    assert checkout.digest() == before


@pytest.mark.parametrize(
    "statement",
    [
        "import innerloop.render",
        "from innerloop import render",
        "from innerloop.render import colour",
        "def late():\n    from innerloop.render import colour",
    ],
)
def test_every_form_of_import_is_seen(checkout: Checkout, statement: str):
    checkout.write("workflow_scripts/train.py", f"{SCRIPT}\n{statement}\n")
    assert "innerloop.render" in modules_reached(checkout.script)


def test_imports_that_go_in_circles(checkout: Checkout):
    checkout.write("lib/innerloop/maths.py", "import innerloop.deep.model\n")
    assert "innerloop.deep.model" in modules_reached(checkout.script)


def test_a_users_file_counts_with_its_neighbours_and_data(checkout: Checkout):
    user = checkout.write(
        "mine/rule.py",
        "import helper\nimport numpy\n\nFONT = 'marks.txt'\nsource = Photos(HERE / 'photos')\n"
        "HERE = Path(__file__).parent\n",
    )
    checkout.write("mine/helper.py", "x = 1\n")
    checkout.write("mine/marks.txt", "1")
    checkout.write("mine/photos/a.png", "aa")
    digest = checkout.digest(user)
    assert digest != checkout.digest()
    for name, text in (
        ("rule.py", user.read_text(encoding="utf-8") + "y = 2\n"),
        ("helper.py", "x = 2\n"),
        ("marks.txt", "2"),
        ("photos/a.png", "aaa"),
        ("photos/a.png", "bbb"),
        ("photos/b.png", "b"),
    ):
        checkout.write(f"mine/{name}", text)
        assert checkout.digest(user) != digest, name
        digest = checkout.digest(user)


def test_strings_that_are_no_paths_are_harmless(checkout: Checkout):
    strings = ["a" * 5000, "with\nlines", "nul\0byte", "漢" * 150, "", ".", "/", "..", "\ud800"]
    text = "\n".join(f"s{number} = {value!a}" for number, value in enumerate(strings))
    user = checkout.write("mine/strings.py", text)
    assert closure([user]) == {user}


def test_the_place_of_the_checkout_does_not_count(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here = checkout.digest()
    monkeypatch.setattr(digests, "LIBRARY", tmp_path / "elsewhere" / "lib" / "innerloop")
    other = Checkout(tmp_path / "elsewhere")
    assert other.digest() == here
    # the library need not lie beside the scripts
    assert code_digest(checkout.write("workflow_scripts/train.py", SCRIPT)) == here


def test_a_syntax_error_is_named_by_line(checkout: Checkout):
    checkout.write("lib/innerloop/maths.py", "x = 1\ny = (\n")
    with pytest.raises(ExtensionError, match=r"maths\.py, line 2"):
        checkout.digest()


LEARNING = {"data", "networks", "engine", "learners", "specs"}


def floors(script: str) -> set[str]:
    """The packages of the library that a script reaches, but the one that all do."""
    modules = (name.split(".") for name in modules_reached(SCRIPTS / script))
    return {parts[1] for parts in modules if len(parts) > 2} - {"runtime"}


@pytest.mark.parametrize(
    ("script", "reached"),
    [
        ("build_images.py", {"data", "specs"}),
        ("make_splits.py", {"data", "specs"}),
        ("draw_episodes.py", {"data", "specs"}),
        ("train.py", LEARNING | {"training"}),
        ("measure.py", LEARNING | {"training", "probes", "measurements"}),
        ("measure_raw_pixels.py", LEARNING | {"probes", "measurements"}),
        ("train_toy.py", LEARNING | {"probes", "measurements"}),
        ("draw_figure.py", {"specs", "stats", "measurements", "papers", "render"}),
        ("write_table.py", {"specs", "stats", "measurements", "papers", "render"}),
    ],
)
def test_stages_depend_on_no_more_than_they_must(script: str, reached: set[str]):
    """A change of a figure may not train a model again."""
    assert floors(script) == reached


def test_the_toy_reaches_its_two_updates():
    assert "innerloop.learners.gradient_based.update_rules.rules" in modules_reached(
        SCRIPTS / "train_toy.py"
    )


def test_probes_do_not_depend_on_each_other():
    probes = digests.LIBRARY / "probes"
    assert not closure([probes / "cka.py"]) & {probes / "protonet.py", probes / "toy.py"}
    assert not closure([probes / "protonet.py"]) & {probes / "cka.py", probes / "linear_cka.py"}


def test_absolute_and_parent_paths_of_a_user_s_file_count(checkout: Checkout, tmp_path: Path):
    table = tmp_path / "elsewhere" / "flowers.csv"
    table.parent.mkdir()
    table.write_text("class,split", encoding="utf-8")
    user = checkout.write("mine/set.py", f"x = {str(table)!r}\ny = '../beside.csv'\n")
    beside = checkout.write("beside.csv", "class,split")
    assert closure([user]) == {user, table, beside}


def test_modules_of_a_user_s_package_are_followed(checkout: Checkout):
    package = checkout.write("mine/pack/__init__.py", "")
    helper = checkout.write("mine/pack/helper.py", "X = 1\n")
    other = checkout.write("mine/pack/other.py", "Y = 1\n")
    rules = checkout.write(
        "mine/pack/rules.py", "from .helper import X\nfrom pack.other import Y\n"
    )
    assert closure([rules]) == {rules, helper, other, package}


def test_files_of_the_same_name_have_one_order(checkout: Checkout):
    for name in ("a", "b", "c", "d"):
        checkout.write(f"mine/{name}/__init__.py", f"X = {name!r}\n")
    user = checkout.write("mine/rules.py", "import a, b, c, d\n")
    code = (
        f"from innerloop.runtime.code_digest import code_digest; print(code_digest({str(user)!r}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(6)
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    "use",
    [
        "import innerloop\ninnerloop.draw()",
        "import innerloop as il\n\n\ndef late():\n    return il.draw",
        "from innerloop import draw",
        "from innerloop import draw as paint",
        "from innerloop import *",
        "import innerloop.maths\ninnerloop.draw()",
        "import innerloop\ndraw = getattr(innerloop, 'dr' + 'aw')",
    ],
)
def test_public_names_are_followed_home(checkout: Checkout, use: str):
    user = checkout.write("mine/probe.py", f"{use}\n")
    before = checkout.digest(user)
    checkout.replace("lib/innerloop/render.py", "red", "blue")
    assert checkout.digest(user) != before


@pytest.mark.parametrize(
    "use", ["import innerloop\ninnerloop.other()", "from innerloop import maths"]
)
def test_other_public_names_are_not(checkout: Checkout, use: str):
    user = checkout.write("mine/probe.py", f"{use}\ndraw = 1\n")
    assert "innerloop.render" not in modules_reached(user)


def test_every_public_name_has_a_home_that_the_digest_finds(tmp_path: Path):
    for name in set(innerloop.__all__) - {"__version__"}:
        user = tmp_path / f"{name}.py"
        user.write_text(f"from innerloop import {name}\n", encoding="utf-8")
        home = sys.modules[getattr(innerloop, name).__module__].__file__
        assert Path(str(home)) in closure([user]), name


@pytest.mark.parametrize(
    "text",
    [
        "SPLIT = 'test'\n",
        "def measure(split='test'):\n    return split == 'test'\n",
        "tasks('test')\n",
        "Measured(split='test')\n",
        "ROOT = Path('/usr/share')\n",
        "ROOT = Path(__file__).parent / 'test'\n",
    ],
)
def test_a_word_that_names_a_folder_is_a_word(checkout: Checkout, text: str):
    user = checkout.write("mine/probe.py", text)
    checkout.write("mine/test/a.png", "a")
    assert closure([user]) == {user}


@pytest.mark.parametrize(
    "text",
    [
        "source = ClassFolders('photos', 'classes.csv')",
        "source = ClassFolders(root=Path(__file__).parent / 'photos', splits=None)",
        "here = Path(__file__).resolve().parent\nroot = here / 'photos'\nsource = Own(root)",
        "source = Own('../mine/photos')",
        "source = Own(Path(__file__).parent.joinpath('photos').resolve(), 3)",
    ],
)
def test_a_folder_that_is_handed_on_as_a_path_is_data(checkout: Checkout, text: str):
    user = checkout.write("mine/set.py", f"{text}\n")
    photo = checkout.write("mine/photos/a.png", "a")
    checkout.write("mine/classes.csv", "class,split")
    assert photo.parent in closure([user])


def test_of_large_files_and_folders_size_and_time_count(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(digests, "READ_WHOLE", 4)
    user = checkout.write("mine/set.py", "x = 'all.npz'\nsource = ClassFolders('photos')\n")
    large = checkout.write("mine/all.npz", "12345")
    checkout.write("mine/photos/a.png", "12345")
    before = checkout.digest(user)
    content, found = large.read_text(encoding="utf-8"), large.stat()
    large.write_text(content.replace("1", "2"), encoding="utf-8")
    os.utime(large, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert checkout.digest(user) == before  # it was not read
    for name in ("all.npz", "photos/a.png"):
        checkout.write(f"mine/{name}", "54321")
        assert checkout.digest(user) != before, name
        before = checkout.digest(user)


def test_the_files_of_a_huge_folder_are_not_all_listed(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(digests, "LISTED", 3)
    user = checkout.write("mine/set.py", "source = ClassFolders('photos')\n")
    for number in range(5):
        checkout.write(f"mine/photos/cat/{number}.png", "a")
    before = checkout.digest(user)
    said = capsys.readouterr().err
    assert "photos has more than 3 files" in said
    checkout.write("mine/photos/dog/0.png", "a")
    assert checkout.digest(user) != before


def test_devices_and_pipes_are_never_read(checkout: Checkout):
    user = checkout.write(
        "mine/set.py", "a, b = 'pipe.csv', 'zero.csv'\nsource = ClassFolders('photos')\n"
    )
    checkout.write("mine/photos/a.png", "a")
    os.mkfifo(checkout.root / "mine/pipe.csv")
    os.mkfifo(checkout.root / "mine/photos/pipe.png")
    (checkout.root / "mine/zero.csv").symlink_to("/dev/zero")
    assert closure([user]) == {user, checkout.root / "mine/photos"}
    assert checkout.digest(user)


def test_how_a_python_divides_an_f_string_does_not_count():
    """3.12.1 parses the text between braces into other pieces than 3.11 and 3.13."""

    def tree(*values: ast.expr) -> ast.Module:
        return ast.Module([ast.Expr(ast.JoinedStr(list(values)))], [])

    x = ast.FormattedValue(ast.Name("x", ast.Load()), -1)
    whole = meaning(tree(ast.Constant("ab"), x, ast.Constant("c")))
    for divided in (
        tree(ast.Constant("a"), ast.Constant("b"), x, ast.Constant("c")),
        tree(ast.Constant("ab"), ast.Constant(""), x, ast.Constant("c"), ast.Constant("")),
        tree(ast.JoinedStr([ast.Constant("ab"), x]), ast.Constant("c")),
    ):
        assert meaning(divided) == whole
    assert meaning(tree(ast.Constant("a"), x, ast.Constant("bc"))) != whole


def test_a_file_s_own_encoding_counts_and_the_locale_s_does_not(checkout: Checkout):
    plain = checkout.write("mine/set.py", "name = 'é'\n")
    before = checkout.digest(plain)
    plain.write_bytes("# coding: latin-1\nname = 'é'\n".encode("latin-1"))
    os.utime(plain, ns=(1, 1))
    assert checkout.digest(plain) == before
