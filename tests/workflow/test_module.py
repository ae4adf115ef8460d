"""The workflow used from elsewhere, and what it makes again: planned on empty files as results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from study_run import ROOT, smoke_study

pytestmark = pytest.mark.workflow

MODULE = """
configfile: "study.yaml"


module innerloop:
    snakefile:
        "{snakefile}"
    config:
        config
{prefix}

use rule * from innerloop as il_*
"""
SOURCE = """
from pathlib import Path

from innerloop.data.sources.class_folders import ClassFolders

source = ClassFolders(Path(__file__).parent / "photos", "sp{lit}s.csv")
"""
PROBE = """
def measure(context):
    return []
"""
#: Braces, quotes and signs that mean something to Snakemake or to a shell.
TEXT = "a {study} {0.01, 0.1} {} $HOME $x$ `id` 'q' \"d\" 100 % ü"


class Project:
    """A user's folder with a study file of its own, whose results are empty files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "mine.py").write_text(SOURCE, encoding="utf-8")
        (folder / "probe.py").write_text(PROBE, encoding="utf-8")
        (folder / "sp{lit}s.csv").write_text("class,split\nsmall,train\n", encoding="utf-8")
        self.write_study("mine.py:source", "sp{lit}s.csv")

    def write_study(self, source: str, splits: str) -> None:
        study = smoke_study()
        study["title"] = TEXT
        study["datasets"]["digits"] = {"source": source, "splits": splits, "label": TEXT}
        study["protocols"]["p1"]["title"] = TEXT
        study["protocols"]["p1"]["variants"]["maml"] = {"label": TEXT}
        study["probes"]["own"] = {"probe": "probe.py:measure", "words": TEXT}
        next(iter(study["models"].values()))["probes"].append("own")
        text = yaml.safe_dump(study, sort_keys=False, allow_unicode=True)
        (self.folder / "study.yaml").write_text(text, encoding="utf-8")

    def snakemake(self, *arguments: str | Path, **options: Path) -> str:
        paths = [options.get("library", ROOT / "lib"), Path(__file__).parent]
        done = subprocess.run(
            [Path(sys.executable).with_name("snakemake"), *arguments],
            cwd=options.get("within", self.folder),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def plan(
        self, *arguments: str | Path, snakefile: Path = ROOT / "Snakefile", **options: Path
    ) -> str:
        """What a dry run says, with the commands."""
        return self.snakemake(
            *(*arguments, "-s", snakefile, "--configfile", self.folder / "study.yaml"),
            *("-n", "-p", "--logger", "planned"),
            **options,
        )


def jobs(plan: str) -> list[str]:
    """The jobs of a plan, without targets."""
    found = set(re.findall(r"^planned: (?:il_)?(.*?) *$", plan, flags=re.MULTILINE))
    return sorted(found - TARGETS)


TARGETS = {"all", "data", "train", "evaluate", "probes", "figures", "tables", "report"}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project where nothing has been made, and its plan."""
    project = Project(tmp_path_factory.mktemp("user") / "pro {j}'s")
    return project, project.plan()


@pytest.fixture(scope="module")
def finished(first: tuple[Project, str]) -> Project:
    """The same where everything has been made."""
    project, plan = first
    for path in re.findall("^made: (.*)$", plan, flags=re.MULTILINE):
        file = project.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    arguments = ("--configfile", "study.yaml", "--touch", "--cores", "1", "--quiet", "all")
    project.snakemake("-s", ROOT / "Snakefile", *arguments)
    return project


def test_nothing_runs_again_wherever_workflow_library_and_project_lie(
    finished: Project, tmp_path: Path
) -> None:
    """Called through a link, from a folder deeper, with the library installed elsewhere."""
    link, site = tmp_path / "link", tmp_path / "site"
    link.symlink_to(ROOT)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lib/innerloop", site / "innerloop", ignore=ignored)
    (finished.folder / "deeper").mkdir()
    finished.write_study(f"{finished.folder}/mine.py:source", f"{finished.folder}/sp{{lit}}s.csv")
    plan = finished.plan(
        *("--directory", ".."),
        snakefile=link / "Snakefile",
        library=site,
        within=finished.folder / "deeper",
    )
    assert jobs(plan) == []


def test_nothing_runs_again_in_a_copy(finished: Project, tmp_path: Path) -> None:
    copy = tmp_path / "one/level/deeper"
    copy.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", finished.folder, copy], check=True)
    finished.write_study("mine.py:source", "sp{lit}s.csv")
    assert jobs(finished.plan(within=copy)) == []


def test_what_a_reader_sees_is_made_again_and_nothing_else(finished: Project) -> None:
    products = {
        "figures/p1/figure2_cka.png": "draw_figure study=smoke, paper=p1, figure=figure2_cka",
        "figures/p1/figure7_toy.pdf": "draw_figure study=smoke, paper=p1, figure=figure7_toy",
        "figures/questions/scale_invariance.svg": (
            "draw_figure study=smoke, paper=questions, figure=scale_invariance"
        ),
        "tables/own/claims.csv": "write_table study=smoke, paper=own, table=claims",
        "tables/p1/table1_accuracy.tex": "write_table study=smoke, paper=p1, table=table1_accuracy",
    }
    gone = {f"results/smoke/{path}": job for path, job in products.items()}
    gone["resources/images/symbols/16/samples.png"] = "draw_samples dataset=symbols, store=16"
    with without(finished, *gone):
        # the report shows them
        assert jobs(finished.plan()) == sorted([*gone.values(), "write_report"])


def test_what_stages_make_is_made_again(finished: Project) -> None:
    model = "study=smoke, protocol=p1, dataset=symbols, variant=maml, setting=5w1s, seed=0"
    gone = {
        "results/smoke/models/p1/symbols/maml/5w1s/seed0/run.json": f"train_model {model}",
        "resources/images/people/16/images.npy": "build_images dataset=people, store=16",
        "results/smoke/data/digits/splits.parquet": "make_splits study=smoke, dataset=digits",
        "results/smoke/measurements/accuracy/baseline/raw_pixels/symbols/5w1s.parquet": (
            "measure_raw_pixels study=smoke, dataset=symbols, setting=5w1s"
        ),
    }
    with without(finished, *gone):
        planned = jobs(finished.plan("data", "train", "evaluate", "probes"))
    for job in gone.values():
        assert any(sorted(job.split(", ")) == sorted(other.split(", ")) for other in planned), job
    assert [job for job in planned if job.startswith("train_model ")] == [f"train_model {model}"]
    assert [job for job in planned if job.startswith("build")] == list(gone.values())[1:2]


class without:  # noqa: N801  (it reads as a statement)
    """Some files are gone for a while."""

    def __init__(self, project: Project, *paths: str) -> None:
        self._files = [project.folder / path for path in paths]

    def __enter__(self) -> None:
        for file in self._files:
            file.rename(file.with_name(f"{file.name}.away"))

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.with_name(f"{file.name}.away").rename(file)


@pytest.mark.parametrize("prefix", ["", "deep/er/"])
def test_as_a_module(first: tuple[Project, str], tmp_path: Path, prefix: str) -> None:
    """It plans the same jobs, and each command names places below the prefix only."""
    project = Project(tmp_path / "outer")
    outer = project.folder / "Snakefile"
    lines = f'    prefix:\n        "{prefix}"\n' if prefix else ""
    outer.write_text(MODULE.format(snakefile=ROOT / "Snakefile", prefix=lines), encoding="utf-8")
    plan = project.plan("il_all", snakefile=outer)
    assert jobs(plan) == jobs(first[1])
    for place in re.findall(r"(\S*)(?:results|resources)/", plan):
        assert place.endswith(prefix), place
    if prefix:
        splits = "results/smoke/data/scripts/splits.parquet"
        project.snakemake(f"deep/er/{splits}", "--cores", "1")
        assert {path.name for path in project.folder.iterdir()}.isdisjoint({"results", "resources"})


def test_keys_given_twice_stop_a_module_only_where_they_are_the_study_s(tmp_path: Path) -> None:
    project = Project(tmp_path / "outer")
    outer, file = project.folder / "Snakefile", project.folder / "study.yaml"
    text = MODULE.format(snakefile=ROOT / "Snakefile", prefix="")
    study = yaml.safe_load(file.read_text(encoding="utf-8"))
    own = yaml.safe_dump({"few_shot": study}, allow_unicode=True)
    file.write_text(f"genome: 1\ngenome: 2\n{own}", encoding="utf-8")
    part = text.replace("        config\n", '        config["few_shot"]\n')
    outer.write_text(part, encoding="utf-8")
    assert "il_all" in project.snakemake("--list-rules", "-s", outer)
    file.write_text(f"{yaml.safe_dump(study, allow_unicode=True)}seed: 4\n", encoding="utf-8")
    outer.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match="seed is given twice"):
        project.snakemake("--list-rules", "-s", outer)


def test_included(first: tuple[Project, str], tmp_path: Path) -> None:
    project = Project(tmp_path / "outer")
    outer = project.folder / "Snakefile"
    text = f'configfile: "study.yaml"\n\n\ninclude: "{ROOT}/Snakefile"\n'
    outer.write_text(text, encoding="utf-8")
    assert jobs(project.plan("all", snakefile=outer)) == jobs(first[1])


def test_a_training_is_measured_beside_the_first_of_its_variant(tmp_path: Path) -> None:
    project = Project(tmp_path / "own")
    file = project.folder / "study.yaml"
    study = yaml.safe_load(file.read_text(encoding="utf-8"))
    options = {"tasks": 2, "neighbours": 3, "two_trainings": True}
    study |= {"model_seeds": [0, 1], "probes": {"other_similarities": options}}
    model = {"protocol": "p1", "dataset": "symbols", "settings": ["5w1s"], "variants": ["maml"]}
    study["models"] = {"plain": {**model, "probes": ["other_similarities"]}}
    file.write_text(yaml.safe_dump(study, allow_unicode=True), encoding="utf-8")
    commands = project.plan("probes").split("measure.py")
    beside = {re.search(r"seed(\d)/model", each)[1]: "--beside  " not in each
              for each in commands if "--beside" in each}  # fmt: skip
    assert beside == {"0": False, "1": True}


@pytest.mark.parametrize("asked", [None, "50/2s"])
def test_snakemake_looks_for_jobs_when_one_ends_unless_asked_to_wait(
    asked: str | None, tmp_path: Path
) -> None:
    """A limit on jobs in a second makes it look again every second, for every job that ended."""
    project = Project(tmp_path / "outer")
    outer, file = project.folder / "Snakefile", project.folder / "study.yaml"
    study = yaml.safe_load(file.read_text(encoding="utf-8"))
    study["compute"]["rehearse"] = False  # its pictures are nowhere
    file.write_text(yaml.safe_dump(study, allow_unicode=True), encoding="utf-8")
    said = 'onsuccess:\n    print("limited:", workflow.scheduler.job_rate_limiter is not None)\n'
    text = f'configfile: "study.yaml"\n\n\ninclude: "{ROOT}/Snakefile"\n\n\n{said}'
    outer.write_text(text, encoding="utf-8")
    limit = ["--max-jobs-per-timespan", asked] if asked else []
    splits = "results/smoke/data/scripts/splits.parquet"
    assert f"limited: {bool(asked)}" in project.snakemake(
        *(splits, "-s", outer, "--cores", "1", *limit)
    )


def test_a_file_of_the_command_line_is_over_that_of_a_snakefile(tmp_path: Path) -> None:
    """The study has its own name, and what is wrong is found in the file that says it."""
    project = Project(tmp_path / "outer")
    outer, over = project.folder / "Snakefile", project.folder / "over.yaml"
    text = f'configfile: "study.yaml"\n\n\ninclude: "{ROOT}/Snakefile"\n'
    outer.write_text(text, encoding="utf-8")
    over.write_text("seed: 4\n", encoding="utf-8")
    arguments = ("-s", outer, "-n", "--configfile", over)
    project.snakemake("results/smoke-over/study.json", *arguments)
    over.write_text("seed: four\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"over\.yaml, line 1: seed: 'four'"):
        project.snakemake("--list-rules", *arguments)
