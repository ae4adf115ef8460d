"""Where things lie: a user's files by one name, and paths that some rule can make."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from innerloop.data.image_store import CLASSES, IMAGES
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import canonical_json
from innerloop.study import paths
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.places import seen_from_here, with_places
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
SOURCE = (
    "from innerloop.data.sources.class_folders import ClassFolders\n\nsource = ClassFolders('x')\n"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with code and a list of splits, reached by a link too."""
    folder = tmp_path / "project"
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/set.py").write_text(SOURCE, encoding="utf-8")
    (folder / "mine/classes.csv").write_text("class,split\na,train\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    return folder


def study(source: str, splits: str) -> Study:
    content: dict[str, Any] = copy.deepcopy(SMOKE)
    name = next(iter(content["datasets"]))
    content["datasets"][name] = {"source": source, "splits": splits}
    return Study(content)


def compared(study: Study) -> str:
    """Everything that decides what is computed again."""
    jobs = Jobs(study, ROOT / "workflow_scripts")
    measurements = Measurements(jobs)
    return canonical_json(
        [
            [measurements.files(table) for table in measurements.tables()],
            [measurements.study_of(table) for table in measurements.tables()],
            [jobs.images(name, jobs.store(name, size)) for name, size in jobs.image_stores()],
            [jobs.splits(name) for name in study.config["datasets"]],
        ]
    )


@pytest.mark.parametrize("written", ["./mine", "mine/../mine", "{project}/mine", "{link}/mine"])
def test_one_file_is_one_parameter_however_it_is_written(project: Path, written: str):
    folder = written.format(project=project, link=project.parent / "link")
    usual = study("mine/set.py:source", "mine/classes.csv")
    other = study(f"{folder}/set.py:source", f"{folder}/classes.csv")
    assert compared(other) == compared(usual)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that several projects share, with code and a list of splits."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "set.py").write_text(SOURCE, encoding="utf-8")
    (folder / "classes.csv").write_text("class,split\na,train\n", encoding="utf-8")
    return folder


def test_a_file_outside_is_the_same_from_every_depth(
    outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    found = set()
    for here in ("flat", "a/good/deal/deeper"):
        folder = tmp_path / here
        folder.mkdir(parents=True)
        (folder / "link").symlink_to(outside)
        monkeypatch.chdir(folder)
        for way in (outside, os.path.relpath(outside), "link"):
            found.add(compared(study(f"{way}/set.py:source", f"{way}/classes.csv")))
    assert len(found) == 1


def test_a_file_in_a_grid_is_one_parameter_too(project: Path):
    net = "class Net:\n    def __init__(self, way, size, channels):\n        pass\n"
    (project / "mine/net.py").write_text(net, encoding="utf-8")
    found = []
    for folder in ("mine", f"{project}/mine", "./mine"):
        content: dict[str, Any] = copy.deepcopy(SMOKE)
        variants = content["protocols"]["p1"]["variants"]
        variants["maml"] = {"grid": {"network": [f"{folder}/net.py:Net", "conv4"]}}
        found.append(compared(Study(content)))
    assert found[0] == found[1] == found[2]


def test_another_file_is_another_parameter(project: Path):
    (project / "other.csv").write_text("class,split\na,train\n", encoding="utf-8")
    usual = study("mine/set.py:source", "mine/classes.csv")
    assert compared(study("mine/set.py:source", "other.csv")) != compared(usual)


def test_keys_that_name_files_are_seen_from_here_at_every_depth(project: Path):
    content = {
        "registry": f"{project}/r.toml",
        "probes": {"p": {"probe": f"{project}/p.py:probe", "steps": [1], "note": f"{project}/p"}},
        "methods": {"m": {"update_rule": f"{project}/m.py:rule"}, "n": {"update_rule": "sgd"}},
        "models": {"x": {"splits": ["test"]}},
    }
    assert with_places(content) == {
        "registry": "r.toml",
        "probes": {"p": {"probe": "p.py:probe", "steps": [1], "note": f"{project}/p"}},
        "methods": {"m": {"update_rule": "m.py:rule"}, "n": {"update_rule": "sgd"}},
        "models": {"x": {"splits": ["test"]}},
    }


@given(parts=st.lists(st.sampled_from(["a", "b", "..", "."]), min_size=1, max_size=6))
def test_absolute_and_relative_are_one(parts: list[str]):
    relative = "/".join(parts)
    assert seen_from_here(str(Path.cwd()) + os.sep + relative) == seen_from_here(relative)


def test_a_list_of_splits_that_is_not_there_is_refused(project: Path):
    with pytest.raises(ConfigError, match=r"datasets\.\w+\.splits: there is no file nothing\.csv"):
        study("mine/set.py:source", "nothing.csv")


@pytest.mark.parametrize(
    ("pattern", "values", "said"),
    [
        (paths.MODEL, {"seed": "1.0"}, "'1.0' is no seed .* a whole number, not negative$"),
        (paths.MODEL, {"variant": "MAML"}, "'MAML' is no variant .* a name of lower-case letters"),
        (paths.MODEL, {"setting": "5-way"}, "'5-way' is no setting .* as in 5w1s$"),
        (paths.RAW, {"collection": "../../x"}, "'../../x' is no collection"),
        (paths.IMAGES, {"dataset": "a", "store": "84\n"}, "is no store"),
    ],
)
def test_a_path_that_no_rule_makes_is_refused(pattern: str, values: dict[str, str], said: str):
    usual = {"study": "s", "protocol": "p1", "dataset": "d", "variant": "v", "setting": "5w1s"}
    with pytest.raises(ConfigError, match=said):
        paths.fill(pattern, **{**usual, "seed": 0, **values})


def test_what_stores_and_models_consist_of():
    assert set(paths.STORE_FILES) == {CLASSES, IMAGES}
    assert set(paths.MODEL_FILES) >= {"model.pt", *paths.LOGGED.values()}
