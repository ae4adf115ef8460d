"""A real SLURM on this machine, and studies that are run on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml
from study_run import Checkout, small_study

from innerloop.runtime.earlier_jobs import SCRIPTS
from innerloop.training.model_file import load

SCRIPT = Path(__file__).with_name("local_slurm.sh")
COMMANDS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel", "pgrep")
SYSTEM_CONF = Path("/etc/slurm/slurm.conf")
PROFILE = ("--workflow-profile", "profiles/slurm", "--configfile", "small.yaml")
#: What the site of these tests needs otherwise: small nodes, and no patience.
HURRY = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
#: Every job on a GPU asks for one, though it computes on the CPU: these GPUs are fake.
ON_GPUS = tuple(f"{rule}:gpu=1" for rule in ("train_model", "measure_accuracy", "measure_probe"))

#: Iterations of the models: enough to be caught in training by looks every half second.
ITERATIONS = 1000
#: What training and measuring begin with.
DATA = ("resources", "results/small/data", "results/small/episodes", ".snakemake/metadata")
#: Every measurement of the study, gathered.
TARGETS = [
    f"results/small/aggregates/{table}.parquet"
    for table in ("accuracy", "cka", "training", "weight_norm")
]


def why_not() -> str:
    """What keeps a real SLURM from being started here; empty where nothing does."""
    if os.getuid() != 0:
        return "needs root, to start slurmd"
    missing = [name for name in COMMANDS if shutil.which(name) is None]
    if missing:
        return (
            f"{', '.join(missing)} not installed; on Debian: "
            "apt-get install slurmctld slurmd slurm-client munge procps"
        )
    if SYSTEM_CONF.exists() and f"written by {SCRIPT.name}" not in SYSTEM_CONF.read_text(
        encoding="utf-8"
    ):
        return f"{SYSTEM_CONF} is there: this machine has a SLURM of its own"
    return ""


@dataclass(frozen=True)
class Job:
    """A SLURM job, as squeue tells it."""

    number: str
    state: str
    node: str
    folder: Path
    makes: str


class Cluster:
    """Two logical nodes with a fake GPU each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._do("start")
        except AssertionError:
            self._do("stop")
            raise

    def _do(self, *arguments: str) -> None:
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={**os.environ, "LOCAL_SLURM_DIR": str(self._folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{SCRIPT.name} {arguments}: {done.stdout}"

    def stop(self) -> None:
        self._do("stop")

    def fail_node(self, node: str) -> None:
        """Crash a node, and let SLURM know."""
        self._do("fail-node", node)

    def mend_node(self, node: str) -> None:
        self._do("mend-node", node)

    def jobs(self, study: Study, makes: str = "") -> list[Job]:
        """A study's jobs, finished ones too, whose comment contains a word."""
        listed = command("squeue", "--noheader", "--states=all", "--format=%A|%T|%N|%Z|%k")
        rows = [line.split("|", maxsplit=4) for line in listed.splitlines()]
        found = [Job(*row[:3], Path(row[3]), row[4].strip()) for row in rows]
        own = [job for job in found if job.folder == study.folder and makes in job.makes]
        return sorted(own, key=lambda job: int(job.number))

    def held_gpus(self) -> dict[str, list[tuple[float, float, str]]]:
        """For every fake GPU, from when to when which job had it."""
        held: dict[str, list[tuple[float, float, str]]] = {}
        began: dict[tuple[str, str], float] = {}
        for line in (self._folder / "log/gpus.log").read_text(encoding="utf-8").splitlines():
            when, event, job, node, gpus = line.split()
            for gpu in filter(None, gpus.removeprefix("gpus=").split(",")):
                if event == "start":
                    began[job, f"{node}.{gpu}"] = float(when)
                else:
                    start = began.pop((job, f"{node}.{gpu}"))
                    held.setdefault(f"{node}.{gpu}", []).append((start, float(when), job))
        return held


class Study(Checkout):
    """A copy of the checkout with a study of two methods, set up for the cluster of the tests."""

    def __init__(self, folder: Path, **defaults: Any) -> None:
        super().__init__(folder)
        self.study = small_study()
        self.study["protocols"]["p1"]["defaults"].update(defaults)
        self.study["validation"] = {"every": 500, "tasks": 6}
        self.write()

    def write(self) -> None:
        self.write_study("small.yaml", self.study)

    def start(self, *targets: str, on_gpus: bool = True, more: tuple[str, ...] = ()) -> Head:
        """Start Snakemake on the cluster."""
        wanted = ("--set-resources", *ON_GPUS) if on_gpus else ()
        return Head(self, (*targets, *PROFILE, *HURRY, *wanted, *more))

    def models(self) -> dict[str, Any]:
        """All that training leaves: weights by their digest, other files by their bytes."""
        root = self.folder / "results/small/models"
        return {
            str(file.relative_to(root)): load(file).digest()
            if file.suffix == ".pt"  # names inside the archive differ from run to run
            else file.read_bytes()
            for file in sorted(root.rglob("*.*"))
            if file.name != "run.json"  # how long it took
        }

    def log(self, variant: str) -> str:
        """The log of a model's training so far."""
        file = self.folder / f"results/small/logs/models/p1/scripts/{variant}/5w1s/seed0/model.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def with_data_of(self, other: Study) -> Study:
        """Take over images, splits and episodes, and what Snakemake knows of them."""
        for part in DATA:
            shutil.copytree(other.folder / part, self.folder / part)
        return self


class Head:
    """A running Snakemake."""

    def __init__(self, study: Study, arguments: tuple[str, ...]) -> None:
        self._log = study.folder / "head.log"
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("snakemake"), *arguments],
                cwd=study.folder,
                env={**os.environ, "PYTHONPATH": str(study.folder / "lib")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def finish(self) -> None:
        """Wait for it; it must succeed."""
        assert self.end() == 0, self.said[-8000:]

    def end(self) -> int:
        """Wait for it, however it ends."""
        return self.process.wait(timeout=800)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def command(*arguments: str) -> str:
    """What a SLURM command says."""
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


def until(condition: Callable[[], Any], what: str, head: Head, seconds: int = 240) -> Any:
    """Look every half second until something is so; a Snakemake that ends before is an error."""
    for _ in range(2 * seconds):
        if found := condition():
            return found
        assert head.process.poll() is None, f"ended before: {what}\n{head.said[-8000:]}"
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s: {what}\n{head.said[-8000:]}")


@contextmanager
def caught_in_training(study: Study, head: Head, *variants: str) -> Iterator[None]:
    """Some models' trainings have begun, and stand still, so that no machine ends them too soon.

    SLURM wakes what it tells to stop.
    """
    caught: list[psutil.Process] = []
    try:
        for variant in variants:
            until(lambda name=variant: _begun(study, name), f"{variant} trains", head)
            caught.append(_training(study, variant))
            caught[-1].suspend()
        yield
    finally:
        for process in caught:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def _begun(study: Study, variant: str) -> bool:
    return f"{ITERATIONS} iterations;" in study.log(variant)


def _training(study: Study, variant: str) -> psutil.Process:
    """The process that trains a model now."""
    (process,) = (
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if process.info["cwd"] == str(study.folder.resolve())
        and f"{SCRIPTS}/train.py" in process.info["cmdline"]
        and any(f"/{variant}/" in word for word in process.info["cmdline"])
    )
    return process


def edit_partitions(study: Study, partitions: dict[str, Any]) -> None:
    """Tell the profile of the partitions, as its user does."""
    file = study.folder / "profiles/slurm/partitions.yaml"
    file.write_text(yaml.safe_dump({"partitions": partitions}), encoding="utf-8")
