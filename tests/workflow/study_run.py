"""Runs Snakemake on a copy of the checkout, so that tests may edit any file of it.

One study is run whole, once per session: config/smoke.yaml with everything of docs/extending.md
added. Each process of tests has a copy of it, the fixture `finished` (conftest.py). A test that
only plans edits a file and puts it back (`Checkout.edited`); one that runs jobs does so in another
copy (`Checkout.copy`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import yaml
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("Snakefile", "rules", "workflow_scripts", "lib", "config", "profiles")
#: Probes that no study that ships runs: the shared one does, in probes.yaml.
MORE_PROBES: dict[str, dict[str, Any]] = {
    "inner_steps": {"tasks": 4},
    "other_similarities": {"tasks": 4, "neighbours": 3},
    "other_settings": {"settings": ["5w2s"], "tasks": 4},
}
#: Snakemake's arguments for the shared study.
SHARED = ("--configfile", "config/smoke.yaml", "mine.yaml", "probes.yaml")
_PLANNED = re.compile(r"^planned: (\w+) (.*)$", re.MULTILINE)
_MADE = re.compile(r"^made: (.*)$", re.MULTILINE)
_DOCUMENTED = re.compile(
    r"^`([\w./]+)`:\n\n```(?:python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL
)
_TARGETS = {"all", "data", "train", "evaluate", "probes", "figures", "tables", "report", "pdf"}


class Checkout:
    """A copy of the checkout in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, folder / name, ignore=ignored)
            else:
                shutil.copy(source, folder / name)

    @classmethod
    def at(cls, folder: Path) -> Self:
        """The one that lies in a folder already."""
        checkout = cls.__new__(cls)
        checkout.folder = folder
        return checkout

    def copy(self, folder: Path) -> Self:
        """The same with all its results and Snakemake's notes, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return self.at(folder)

    def write_study(self, name: str, study: dict[str, Any]) -> None:
        """Write a study file."""
        (self.folder / name).write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")

    def snakemake(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy, with the copy's own library."""
        done = subprocess.run(
            _command(arguments),
            cwd=self.folder,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"snakemake {arguments}:\n{done.stdout}\n{done.stderr}")
        return done

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Snakemake as it runs, with its jobs in a process group of its own, as in a terminal."""
        return subprocess.Popen(
            _command(arguments),
            cwd=self.folder,
            env=self._environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # a terminal's would hear Ctrl-C, also where these tests run in the background
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        own = f"{self.folder / 'lib'}:{Path(__file__).parent}"
        return {**os.environ, "PYTHONPATH": own, **more}

    def run(self, *arguments: str, cores: int = 2) -> None:
        """Run jobs for real."""
        self.snakemake(*arguments, "--cores", str(cores))

    def planned(self, *arguments: str) -> list[tuple[str, str]]:
        """What a dry run would do: (rule, wildcards) of every job, targets left out."""
        jobs = _PLANNED.findall(self.snakemake(*arguments, "-n", "--logger", "planned").stdout)
        return sorted(job for job in jobs if job[0] not in _TARGETS)

    def planned_rules(self, *arguments: str) -> Counter[str]:
        """How many jobs of each rule a dry run would do."""
        return Counter(rule for rule, _ in self.planned(*arguments))

    def pretend(self, *arguments: str) -> None:
        """Let everything that a dry run would do count as done, with empty files."""
        said = self.snakemake(*arguments, "-n", "--logger", "planned").stdout
        for file in _MADE.findall(said):
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        self.snakemake(*arguments, "--touch", "--cores", "1")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file of the copy; it must be there."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} does not contain {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    @contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """The same for a while: the file is put back."""
        before = (self.folder / path).read_bytes()
        self.edit(path, old, new)
        try:
            yield
        finally:
            (self.folder / path).write_bytes(before)

    def aggregate(self, study: str, table: str) -> pd.DataFrame:
        """One gathered table."""
        return pd.read_parquet(self.folder / f"results/{study}/aggregates/{table}.parquet")


def _command(arguments: tuple[str, ...]) -> list[str | Path]:
    return [Path(sys.executable).with_name("snakemake"), *arguments]


def shared_study(folder: Path) -> Checkout:
    """A checkout with the files of the shared study, in which nothing has run yet."""
    checkout = Checkout(folder)
    write_stripes(checkout.folder)
    files = documented_files()
    checkout.write_study("mine.yaml", own_study(files.pop("mine.yaml")))
    probes = [*smoke_study()["models"]["plain"]["probes"], *MORE_PROBES]
    more = {"study": "smoke", "models": {"plain": {"probes": probes}}, "probes": MORE_PROBES}
    checkout.write_study("probes.yaml", more)
    for name, blocks in files.items():
        path = checkout.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(blocks), encoding="utf-8")
    return checkout


def documented_files() -> dict[str, list[str]]:
    """The blocks of docs/extending.md by the file that they belong to."""
    blocks: dict[str, list[str]] = {}
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    for name, text in _DOCUMENTED.findall(page):
        blocks.setdefault(name, []).append(text)
    return blocks


def own_study(blocks: list[str]) -> dict[str, Any]:
    """The page's study file, joining the study of the tests, with its rule on its data set."""
    mine: dict[str, Any] = {"study": "smoke"}
    for block in blocks:
        _merge(mine, yaml.safe_load(block))
    mine["models"]["stripes_1shot"]["variants"] = ["maml", "relative_step"]
    return mine


def _merge(target: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """What a user who pastes one block after the other ends up with."""
    for key, value in source.items():
        known = target.get(key)
        target[key] = _merge(known, value) if isinstance(known, dict) else value
    return target


def write_stripes(folder: Path) -> None:
    """The page's images: eighteen classes of stripes, six for each split."""
    random = np.random.RandomState(0)
    lines = ["class,split"]
    for number in range(18):
        name = f"stripe{number:02d}"
        (folder / "stripes" / name).mkdir(parents=True)
        lines.append(f"{name},{('train', 'val', 'test')[number % 3]}")
        wave = np.sin(np.arange(20) * (0.2 + 0.15 * number))
        for index in range(12):
            pixels = 128 + 90 * wave[None, :, None] + random.normal(0, 20, (20, 20, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / "stripes" / name / f"{index}.png")
    (folder / "stripes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def smoke_study() -> dict[str, Any]:
    """The content of config/smoke.yaml."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    return found


def small_study() -> dict[str, Any]:
    """Two methods on one quickly built data set, with one probe."""
    study = smoke_study()
    del study["toy"]
    study["study"] = "small"
    study["roles"] = {"mini_imagenet": "scripts"}
    study["datasets"] = {"scripts": study["datasets"]["scripts"]}
    study["protocols"] = {"p1": {**study["protocols"]["p1"], "variants": {"maml": {}, "boil": {}}}}
    study["probes"] = {"cka": {**study["probes"]["cka"], "over_training": ["scripts"]}}
    study["models"] = {
        "scripts_1shot": {
            "protocol": "p1",
            "dataset": "scripts",
            "settings": ["5w1s"],
            "probes": ["cka"],
        }
    }
    return study


#: Fifteen jobs: what is measured of the small study, and one figure.
SMALL_TARGETS = ("evaluate", "results/small/figures/p1/figure2_cka.pdf")
