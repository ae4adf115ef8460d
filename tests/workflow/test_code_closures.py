"""What each stage's program reaches: a stage that reached a later one would re-run with it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from innerloop.data.acquire.collection import Variant
from innerloop.data.acquire.registry import read_registry
from innerloop.runtime.built_in import ACCURACY, PROBES, SOURCES, UPDATE_RULES
from innerloop.runtime.code_digest import closure, modules_reached
from innerloop.runtime.extensions import source_file
from shipped import FIGURES

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow_scripts"
LIBRARY = ROOT / "lib/innerloop"

STORE = {"image_store", "catalogue", "store_name"}
CLOSURES = {
    "build_images.py": STORE
    | {"build_images", "decoding", "partial_store", "licence", "split_file"},
    "make_splits.py": STORE | {"splits", "split_file"},
    "draw_episodes.py": STORE | {"episodes", "task_classes", "splits", "split_file"},
}
VARIANTS = [one for known in read_registry().variants.values() for one in known.values()]


def reached(script: str, *entries: str) -> set[str]:
    """Modules that a script and some entries reach, without the leading package."""
    found = modules_reached(SCRIPTS / script, [source_file(entry) for entry in entries])
    return {name.removeprefix("innerloop.") for name in found}


def packages(modules: set[str]) -> set[str]:
    """Top-level packages of the modules."""
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("rule", UPDATE_RULES.values())
def test_training_reaches_no_measurement(rule: str) -> None:
    found = reached("train.py", rule)
    assert packages(found).isdisjoint(
        {"probes", "measurements", "stats", "papers", "render", "study"}
    )
    assert "runtime.built_in" not in found
    assert "data.build_images" not in found
    assert not any(name.startswith("data.sources.") for name in found)


@pytest.mark.parametrize("script", CLOSURES)
def test_data_scripts_reach_data_only(script: str) -> None:
    found = {name.removeprefix("data.") for name in reached(script) if name.startswith("data.")}
    assert {name for name in found if "." not in name} - {"__init__", "sources"} == CLOSURES[script]
    assert packages(reached(script)).isdisjoint(
        {"training", "probes", "measurements", "stats", "papers", "render", "study"}
    )


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_reaches_no_other_source(name: str) -> None:
    found = reached("build_images.py", SOURCES[name])
    others = {SOURCES[other].partition(":")[0].removeprefix("innerloop.") for other in SOURCES}
    assert found & others == {f"data.sources.{name}"}


@pytest.mark.parametrize("one", VARIANTS, ids=lambda one: f"{one.dataset} {one.name}")
def test_a_fetched_source_reaches_neither_others_nor_downloads(one: Variant) -> None:
    found = reached("build_images.py", one.source)
    others = {other.source.partition(":")[0].removeprefix("innerloop.") for other in VARIANTS}
    assert found & others == {one.source.partition(":")[0].removeprefix("innerloop.")}
    assert not any(name.startswith("data.acquire") for name in found)


@pytest.mark.parametrize("one", VARIANTS, ids=lambda one: f"{one.dataset} {one.name}")
def test_a_fetched_source_s_code_has_its_split_list(one: Variant) -> None:
    lists = {path.name for path in closure([source_file(one.source)]) if ".csv" in path.name}
    assert len(lists) == (one.dataset not in ("cifar10", "omniglot"))
    assert all(name.startswith(one.dataset) for name in lists)


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_reaches_no_other_probe(name: str) -> None:
    found = reached("measure.py", PROBES[name])
    others = {
        entry.partition(":")[0].removeprefix("innerloop.") for entry in [*PROBES.values(), ACCURACY]
    }
    assert found & others == {f"probes.{name}"}
    assert packages(found).isdisjoint({"render", "study", "papers"})
    assert "runtime.built_in" not in found


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_reaches_no_other_figure_and_no_torch(name: str) -> None:
    found = reached("draw_figure.py", FIGURES[name].entry)
    own = FIGURES[name].entry.partition(":")[0].removeprefix("innerloop.")
    assert {module for module in found if ".figures." in module} == {own}
    # which classes a task has follows from a random stream, without images
    found -= {"data.__init__", "data.task_classes"}
    assert packages(found).isdisjoint(
        {"data", "networks", "engine", "learners", "training", "probes"}
    )


def test_a_room_imports_from_those_above_it_on_the_page_of_the_architecture() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = re.findall(r"^\| `(\w+)/` \|", page, flags=re.MULTILINE)
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == set(rooms)
    imported: dict[str, set[str]] = {room: set() for room in rooms}
    for path in LIBRARY.glob("*/**/*.py"):
        importer = path.relative_to(LIBRARY).parts[0]
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("innerloop."):
                imported[importer].add(str(node.module).split(".")[1])
    for number, room in enumerate(rooms):
        assert imported[room] <= {*rooms[: number + 1]}, room


def test_parsing_the_workflow_imports_no_torch_and_no_pandas() -> None:
    code = (
        "import sys, yaml\n"
        "from innerloop.study.description import describe\n"
        "from innerloop.study.jobs import Jobs\n"
        "from innerloop.study.measurements import Measurements\n"
        "from innerloop.study.products import Products\n"
        "from innerloop.study.sizing import Sizes\n"
        "from innerloop.study.study import Study\n"
        "config = yaml.safe_load(open('config/config.yaml'))\n"
        "study = Study(config)\n"
        "measurements = Measurements(Jobs(study, 'workflow_scripts'))\n"
        "for table in measurements.tables(): measurements.files(table)\n"
        "describe(study)\n"
        "Products(study)\n"
        "sizes = Sizes(study)\n"
        "for key in study.models: sizes.of('train_model', key)\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "heavy |= {'requests', 'PIL', 'filelock'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
