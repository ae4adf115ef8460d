"""Every command, study file, registry and program that README, docs and messages show."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import yaml
from study_run import ROOT, Checkout

from innerloop.measurements.described_study import Facts
from innerloop.study.overlays import merged_study
from innerloop.study.study import Study

pytestmark = pytest.mark.workflow

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: Where messages that name a command stand.
SPEAKING = [
    *sorted((ROOT / "lib/innerloop").rglob("*.py")),
    *sorted((ROOT / "workflow_scripts").glob("*.py")),
    *sorted((ROOT / "rules").glob("*.smk")),
    *sorted((ROOT / "profiles").rglob("*.yaml")),
]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`((?:snakemake|innerloop|make) [^`]+)`")
_MAKE = re.compile(r"^([a-z-]+):", re.MULTILINE)
_RECIPE = re.compile(r"^\t\$\(BIN\)/((?:snakemake|innerloop) .*)", re.MULTILINE)

#: What a test cannot run, by how the line begins, and why.
NOT_RUN = {
    "git clone": "downloads the project",
    "tmux": "opens a terminal",
    "$EDITOR": "opens an editor",
    ". .venv/bin/activate": "changes the user's own shell",
    "mkdir ../second": "prepares the line that follows it",
    "cd ": "changes the user's own shell",
    "ln -s ../innerloop/resources": "prepares the line that follows it",
    "snakemake -s ../innerloop/Snakefile": "in another folder: tests/workflow/test_module.py",
    "snakemake --workflow-profile profiles/slurm …": "a cluster's, abbreviated",
    "snakemake --unlock": "follows an interruption",
    "snakemake pdf": "needs LaTeX: test_smoke.py",
    "snakemake --report": "needs a finished study: test_smoke.py",
    "innerloop bundle": "needs a study to its end: tests/workflow/test_bundle.py",
    "innerloop gallery docs/results/compact": "needs the record's figures, which are not in Git",
    "innerloop compare demo --reference": "needs the demo: tests/commands/test_reference.py",
    "innerloop wait": "waits for a cluster's jobs: tests/slurm",
    "python benchmarks/": "takes minutes",
}


@dataclass(frozen=True)
class Command:
    """A command line and where it stands."""

    place: str
    line: str

    def __str__(self) -> str:
        return f"{self.place}: {self.line}"


def commands() -> Iterator[Command]:
    """Each command of the shell blocks and recipes, and each quoted in a sentence or a message."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language, block in _BLOCK.findall(text):
            if language == "shell":
                for line in block.replace("\\\n", " ").splitlines():
                    yield from _parts(page.name, re.sub(r"(^|\s+)#.*", "", line))
        for quoted in _QUOTED.findall(_BLOCK.sub("", text)):
            yield from _parts(page.name, quoted)
    for file in SPEAKING:
        for quoted in _QUOTED.findall(file.read_text(encoding="utf-8")):
            yield from _parts(str(file.relative_to(ROOT)), quoted)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for recipe in _RECIPE.findall(makefile):
        yield from _parts("Makefile", recipe.replace("$(CORES)", "1"))


def _parts(place: str, line: str) -> Iterator[Command]:
    for part in re.split(r"\s*&&\s*", line.strip()):
        if part and "{" not in part:
            # [in brackets] is what may be left out
            yield Command(place, re.sub(r"\s*(?<!=)\[[^]=]*\]", "", " ".join(part.split())))


COMMANDS = list({command.line: command for command in commands()}.values())


@pytest.fixture(scope="module")
def prepared(finished: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the files that the pages name are there, and the studies have run."""
    made = finished.copy(tmp_path_factory.mktemp("documented") / "innerloop")
    for name in ("Makefile", "docs", "README.md", "tests", "pyproject.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, made.folder / name)
    for study in ("demo", "another", "mine", "first"):
        shutil.copytree(made.folder / "results/smoke", made.folder / f"results/{study}")
    shutil.copy(ROOT / "config/smoke.yaml", made.folder / "trial.yaml")
    (made.folder / "few.csv").write_text("filename,label,split\n", encoding="utf-8")
    gpu = {"study": "demo_gpu", "compute": {"device": "cuda", "threads": 4, "tasks_at_once": 100}}
    made.write_study("gpu.yaml", gpu)
    for page in PAGES:
        for name, content in _NAMED.findall(page.read_text(encoding="utf-8")):
            if not (made.folder / name).exists():
                (made.folder / name).write_text(content, encoding="utf-8")
    return made


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_every_command_runs(prepared: Checkout, command: Command) -> None:
    reasons = [why for begin, why in NOT_RUN.items() if command.line.startswith(begin)]
    if reasons:
        pytest.skip(reasons[0])
    program, *arguments = shlex.split(command.line)
    if program == "make":
        targets = set(_MAKE.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
        assert {name for name in arguments if "=" not in name} <= targets
        return
    if program == "snakemake" and "-n" not in arguments:
        arguments = ["-n", *arguments]
    if program == "pytest":
        arguments.append("--collect-only")
    assert program in ("snakemake", "innerloop", "python", "pytest"), f"{command}: unknown program"
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=prepared.folder,
        env={**os.environ, "PYTHONPATH": str(prepared.folder / "lib")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_a_new_study_is_one_for_snakemake(prepared: Checkout) -> None:
    """As `innerloop new` says that it is run."""
    program = Path(sys.executable).with_name("innerloop")
    environment = {**os.environ, "PYTHONPATH": str(prepared.folder / "lib")}
    command = [program, "new", "fresh", "--from", "sweep"]
    subprocess.run(command, cwd=prepared.folder, env=environment, check=True)
    rules = prepared.planned_rules("--configfile", "fresh.yaml")
    assert rules["train_model"] == 2 * (2 + 2 * 6)


#: What says of a YAML block that it is a `paper.yaml`.
PAPER_KEYS = {field.name for field in fields(Facts)}


def blocks(*languages: str) -> list[object]:
    """The blocks of some languages, each with its page and line as its name."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            if match[1] in languages:
                line = text.count("\n", 0, match.start()) + 1
                found.append(pytest.param(match[2], id=f"{page.name}:{line}"))
    return found


def test_every_block_says_its_language() -> None:
    languages = {
        language
        for page in PAGES
        for language, _ in _BLOCK.findall(page.read_text(encoding="utf-8"))
    }
    assert languages <= {"shell", "python", "yaml", "toml", "text"}


@pytest.mark.parametrize("block", blocks("yaml"))
def test_every_study_file_is_accepted(
    prepared: Checkout, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is laid over the study that it is about: one of files, or one of embedded images."""
    content = yaml.safe_load(block)
    if isinstance(content, list) or {"title"} <= content.keys() <= PAPER_KEYS:
        pytest.skip("a file of a paper's folder: test_extending.py has it drawn")
    monkeypatch.chdir(prepared.folder)
    (prepared.folder / "block.yaml").write_text(block, encoding="utf-8")
    whole = "study" in content and "protocols" in content
    paper = {"accept_licence", "data_root", "mirrors"} & content.keys() or "mini_imagenet" in block
    base = [] if whole else ["config/paper.yaml" if paper else "config/config.yaml"]
    own = [] if whole or paper else ["mine.yaml"]
    Path("my_splits.csv").write_text("class,split\na,train\n", encoding="utf-8")
    Study(merged_study([*base, *own, "block.yaml"]))


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_registry_is_accepted(
    prepared: Checkout, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from innerloop.data.acquire.registry import read_registry

    monkeypatch.chdir(prepared.folder)
    (prepared.folder / "block.toml").write_text(block, encoding="utf-8")
    registry = read_registry("block.toml")
    assert tomllib.loads(block).get("collections", {}).keys() <= registry.collections.keys()


@pytest.mark.parametrize("block", blocks("python"))
def test_every_program_runs(prepared: Checkout, block: str) -> None:
    if "/scratch/" in block:
        compile(block, "block", "exec")
        pytest.skip("needs files of the user's own; it is Python")
    if "import" not in block:
        block = f"import innerloop\n{block}"
    (prepared.folder / "block.py").write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "block.py"],
        cwd=prepared.folder,
        env={**os.environ, "PYTHONPATH": str(prepared.folder / "lib"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
