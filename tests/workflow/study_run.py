"""Runs Snakemake on a copy of the checkout, so that tests may edit any file of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("Snakefile", "rules", "workflow_scripts", "lib", "config", "profiles")
_PLANNED = re.compile(r"^planned: (\w+) (.*)$", re.MULTILINE)


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

    def write_study(self, name: str, study: dict[str, Any]) -> None:
        """Write a study file."""
        (self.folder / name).write_text(yaml.safe_dump(study, sort_keys=False), encoding="utf-8")

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the copy, with the copy's own library."""
        done = subprocess.run(
            [Path(sys.executable).with_name("snakemake"), *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": f"{self.folder / 'lib'}:{Path(__file__).parent}"},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"snakemake {arguments}:\n{done.stdout}\n{done.stderr}")
        return done

    def run(self, *arguments: str, cores: int = 2) -> None:
        """Run jobs for real."""
        self.snakemake(*arguments, "--cores", str(cores))

    def planned(self, *arguments: str) -> list[tuple[str, str]]:
        """What a dry run would do: (rule, wildcards) of every job, targets left out."""
        jobs = _PLANNED.findall(self.snakemake(*arguments, "-n", "--logger", "planned").stdout)
        targets = {
            "all",
            "data",
            "train",
            "evaluate",
            "probes",
            "figures",
            "tables",
            "report",
            "pdf",
        }
        return sorted(job for job in jobs if job[0] not in targets)

    def planned_rules(self, *arguments: str) -> Counter[str]:
        """How many jobs of each rule a dry run would do."""
        return Counter(rule for rule, _ in self.planned(*arguments))

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file of the copy; it must be there."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{path} does not contain {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def aggregate(self, study: str, table: str) -> pd.DataFrame:
        """One gathered table."""
        return pd.read_parquet(self.folder / f"results/{study}/aggregates/{table}.parquet")


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


#: Fifteen jobs: what the partial re-run tests need and no more.
SMALL_TARGETS = ("evaluate", "results/small/figures/p1_figure2_cka.pdf")
