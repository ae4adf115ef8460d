"""A source of the user's own is tried before any work: what it is, and what tasks need of it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import rehearse
from innerloop.data.sources.declaration import check_declared
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.typed_json import as_json
from innerloop.study.jobs import Jobs
from innerloop.study.study import Study
from mutants import STUDY

SOURCE = """
from PIL import Image

from innerloop.data.catalogue import ClassEntry
from innerloop.data.licence import UNSTATED

MODE, EACH, SPLITS = "RGB", 4, {"train": 3, "val": 3, "test": 3}


class Squares:
    native_size, licence, packages = 8, UNSTATED, ()

    def catalogue(self):
        return [ClassEntry(f"{s}{k}", s, EACH) for s, n in SPLITS.items() for k in range(n)]

    def pictures(self):
        yield Image.new(MODE, (8, 8))


source = Squares()
"""
ASSIGNED = """def __init__(self):
        self.native_size, self.licence, self.packages = 8, UNSTATED, ()"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def study(**changes: Any) -> dict[str, Any]:
    """Trains and measures MAML on the squares."""
    entry = {"protocol": "p", "dataset": "squares", "settings": ["3w1s"], "variants": ["maml"]}
    return {
        **STUDY,
        "roles": {},
        "datasets": {"squares": {"source": "mine.py:source"}, "digits": {"source": "digits"}},
        "evaluation": {"tasks": 4, "queries": 2},
        "models": {"all": entry},
        "probes": {},
        **changes,
    }


def tried(text: str, **changes: Any) -> str:
    """What is told of the study's own source; nothing where it passes."""
    Path("mine.py").write_text(text, encoding="utf-8")
    (trial,) = Jobs(Study(study(**changes)), ROOT / "workflow_scripts").source_trials()
    spec = Path("source.json")
    spec.write_text(canonical_json(as_json(trial)), encoding="utf-8")
    for module in [name for name in sys.modules if name.startswith("innerloop_user_")]:
        del sys.modules[module]
    passed = spec.with_suffix(".passed")
    passed.unlink(missing_ok=True)
    try:
        rehearse.main(["--sources", str(spec)])
    except SystemExit as refused:
        assert not passed.exists()
        return str(refused.code)
    assert passed.exists()
    return ""


def test_a_right_one_passes() -> None:
    assert tried(SOURCE) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source = Squares()", "source = list()", "'mine.py:source' is of type list, without"),
        ("source = Squares()", "source = [Squares()][0].pictures", "is of type method, without"),
        ('"val": 3, ', "", "3w1s: validation needs the split val, but 'squares' has only train"),
        ('"test": 3', '"test": 2', "3w1s: evaluation needs 3 classes, but 'squares' has 2 in"),
        ("EACH, SPLITS = \"RGB\", 4", "EACH, SPLITS = \"RGB\", 2", "needs 3 images of each class"),
        ('"val": 3', '"valid": 3', "unknown split 'valid'"),
        ('"RGB"', '"L"', "expected a PIL image in mode RGB"),
        ("yield Image.new(MODE, (8, 8))", "return []", "its first picture is None"),
        ("        return [", "        return 1 / 0, [", "mine.py, line 14, in catalogue"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(old: str, new: str, said: str) -> None:
    assert old in SOURCE
    assert said in tried(SOURCE.replace(old, new))


def test_all_of_it_at_once() -> None:
    entry = {**study()["models"]["all"], "settings": ["3w1s", "4w1s", "3w9s"]}
    said = tried(SOURCE, models={"all": entry}).strip().split("\n")
    assert [line.split(": ")[3] for line in said] == ["4w1s", "3w9s"]


LOOKED_AT = [
    ("source = Squares()", "source = None", "'mine.py:source' is None, expected a source"),
    (
        "source = Squares()",
        "class source(Squares): ...",
        "'mine.py:source' is a class, but a source is what it",
    ),
    ("source = Squares()", "def source(): ...", "'mine.py:source' is a function, but a source"),
    ("native_size, licence, packages =", "size =", "Squares has no native_size, licence, packages"),
    ("def pictures(self)", "def images(self)", "Squares has no pictures, as every source"),
]


@pytest.mark.parametrize(("old", "new", "said"), LOOKED_AT)
def test_what_its_file_shows_is_told_when_the_study_is_read(old: str, new: str, said: str) -> None:
    Path("mine.py").write_text(SOURCE.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        Study(study())
    assert str(refused.value).startswith("study file: datasets.squares.source: 'mine.py:source'")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        SOURCE.replace("class Squares:", "class Squares(Base):").replace("def pictures", "def x"),
        SOURCE.replace("source = Squares()", "source = (lambda: Squares())()"),
        SOURCE.replace("native_size, licence, packages = 8, UNSTATED, ()", ASSIGNED),
        SOURCE.replace("def pictures(self)", "def __getattr__(self, name)"),
        "from elsewhere import source",
    ],
)
def test_what_its_file_does_not_show_is_left_to_the_trial(text: str) -> None:
    Path("mine.py").write_text(text, encoding="utf-8")
    Study(study())


def test_of_a_data_set_in_a_registry_it_is_the_class(folder: Path) -> None:
    for text, said in [
        (SOURCE, ""),
        (SOURCE.replace("def catalogue(self)", "def classes(self)"), "Squares has no catalogue"),
        ("Squares = 5", "is 5, expected a class of sources"),
    ]:
        (folder / "mine.py").write_text(text, encoding="utf-8")
        with pytest.raises(ExtensionError, match=said) if said else nullcontext():
            check_declared("mine.py:Squares", reads_files=True)


def test_a_split_file_must_name_its_classes(folder: Path) -> None:
    lines = [f"{split}{k},{split}" for split in ("train", "val", "test") for k in range(3)]
    datasets = {**study()["datasets"], "squares": {"source": "mine.py:source", "splits": "own.csv"}}
    (folder / "own.csv").write_text("\n".join(["class,split", *lines]), encoding="utf-8")
    assert tried(SOURCE, datasets=datasets) == ""
    (folder / "own.csv").write_text("\n".join(["class,split", *lines[1:]]), encoding="utf-8")
    assert "own.csv does not say the split of train0" in tried(SOURCE, datasets=datasets)


def test_built_in_sources_are_not_tried() -> None:
    study = Study({**STUDY, "probes": {"cka": {"tasks": 2}}})
    assert Jobs(study, ROOT / "workflow_scripts").source_trials() == []
