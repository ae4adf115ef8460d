"""GPU slots: every job its own GPU, freed however the job ends. No GPU is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from innerloop.runtime import device, gpu_slots
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import ConfigError

#: A job: it takes a slot, says which, and ends when its input does.
JOB = (
    "import sys; from innerloop.runtime.gpu_slots import take_gpu; "
    "print(take_gpu(), flush=True); sys.stdin.read()"
)
#: Says 'full' instead of waiting.
IMPATIENT = (
    "import sys; from innerloop.runtime.gpu_slots import take_gpu\n"
    "def pause(): print('full'); sys.exit()\n"
    "print(take_gpu(pause=pause))"
)


class Machine:
    """A machine with pretended GPUs, and the jobs on it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CUDA", "SLURM", "INNERLOOP"))
        }
        self._env = {**clean, "INNERLOOP_GPU_LOCKS": str(folder), **settings}
        self.jobs: list[subprocess.Popen[str]] = []

    def start(self) -> str:
        """Start a job that keeps its slot; the GPU it was given."""
        job = subprocess.Popen(
            [sys.executable, "-c", JOB],
            env=self._env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.jobs.append(job)
        return job.stdout.readline().strip()

    def ask(self) -> str:
        """The GPU that a job which will not wait is given."""
        done = subprocess.run(
            [sys.executable, "-c", IMPATIENT], env=self._env, capture_output=True, text=True
        )
        assert not done.returncode, done.stderr
        return done.stdout.strip()

    def end(self) -> None:
        for job in self.jobs:
            job.kill()
            job.communicate()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator:
    made: list[Machine] = []

    def make(**settings: str) -> Machine:
        made.append(Machine(tmp_path / "locks", **settings))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process as a job that holds nothing yet."""
    monkeypatch.setenv("INNERLOOP_GPU_LOCKS", str(tmp_path))
    # registered first, so that what `take_gpu` sets is undone
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    for name in ("INNERLOOP_GPUS", "INNERLOOP_JOBS_PER_GPU", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    held: list[int] = []
    monkeypatch.setattr(gpu_slots, "_HELD", held)
    yield monkeypatch
    for number in held:
        os.close(number)


def test_every_job_has_its_own_gpu_and_no_job_more_than_there_are(machine) -> None:
    busy = machine(INNERLOOP_GPUS="0,1,2")
    assert sorted(busy.start() for _ in range(3)) == ["0", "1", "2"]
    assert busy.ask() == "full"


def test_a_killed_job_s_gpu_is_free_at_once(machine) -> None:
    busy = machine(INNERLOOP_GPUS="0,1")
    assert {busy.start(), busy.start()} == {"0", "1"}
    busy.jobs[0].kill()
    busy.jobs[0].wait()
    assert busy.ask() == "0"


def test_the_scheduler_s_choice_is_the_pool(machine) -> None:
    busy = machine(CUDA_VISIBLE_DEVICES="3,GPU-8f1c")
    assert sorted([busy.start(), busy.start()]) == ["3", "GPU-8f1c"]
    assert busy.ask() == "full"


def test_several_jobs_share_a_gpu_where_that_is_wished(machine) -> None:
    busy = machine(INNERLOOP_GPUS="0,1", INNERLOOP_JOBS_PER_GPU="2")
    given = [busy.start() for _ in range(4)]
    assert sorted(given[:2]) == ["0", "1"]  # every GPU's first place before any second one
    assert sorted(given) == ["0", "0", "1", "1"]
    assert busy.ask() == "full"


def test_it_waits_says_so_once_and_goes_on(
    machine, alone: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    other = machine(INNERLOOP_GPUS="0", INNERLOOP_GPU_LOCKS=str(tmp_path))
    assert other.start() == "0"
    alone.setenv("INNERLOOP_GPUS", "0")
    looks = []

    def pause() -> None:
        looks.append(1)
        if len(looks) == 3:
            other.jobs[0].kill()
            other.jobs[0].wait()

    assert gpu_slots.take_gpu(pause=pause) == "0"
    assert len(looks) == 3
    assert capsys.readouterr().err.count("waiting for a free GPU") == 1


def test_only_the_taken_gpu_is_visible_and_a_second_call_gives_it_again(
    alone: pytest.MonkeyPatch,
) -> None:
    alone.setenv("INNERLOOP_GPUS", "4,7")
    assert gpu_slots.take_gpu(wanted=1) == "7"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    assert gpu_slots.take_gpu() == "7"


def test_a_gpu_that_is_not_there_is_named(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("INNERLOOP_GPUS", "0,1")
    with pytest.raises(ConfigError, match=r"cuda:2.*there are 2 GPUs"):
        gpu_slots.take_gpu(wanted=2)


@pytest.mark.parametrize("text", ["0", "two", "-1", ""])
def test_a_wrong_number_of_jobs_per_gpu_is_refused(alone: pytest.MonkeyPatch, text: str) -> None:
    alone.setenv("INNERLOOP_GPUS", "0")
    alone.setenv("INNERLOOP_JOBS_PER_GPU", text)
    with pytest.raises(ConfigError, match="INNERLOOP_JOBS_PER_GPU"):
        gpu_slots.take_gpu()


@pytest.mark.parametrize("hidden", ["", "-1", " "])
def test_hidden_gpus_are_not_taken(alone: pytest.MonkeyPatch, tmp_path: Path, hidden: str) -> None:
    alone.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert gpu_slots.take_gpu() == ""
    assert not list(tmp_path.iterdir())


def test_slurm_jobs_whose_gpus_have_like_numbers_do_not_wait_for_each_other(
    machine, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With device cgroups every job's own GPU is number 0."""
    alone.setattr(gpu_slots.tempfile, "gettempdir", lambda: str(tmp_path))
    alone.delenv("INNERLOOP_GPU_LOCKS")
    alone.setenv("INNERLOOP_GPUS", "0")
    folders = set()
    for job in ("11", "12"):
        alone.setenv("SLURM_JOB_ID", job)
        folders.add(gpu_slots._folder())
    assert len(folders) == 2


def test_a_program_takes_its_gpu_before_cuda_looks(alone: pytest.MonkeyPatch) -> None:
    seen = []

    def is_available() -> bool:
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
        return True

    alone.setenv("INNERLOOP_GPUS", "5,6")
    alone.setattr(torch.cuda, "is_available", is_available)
    threads = torch.get_num_threads()
    assert device.set_up(Compute("cuda:1", threads)) == torch.device("cuda")
    assert seen == ["6"]


def test_a_program_on_the_cpu_takes_none(alone: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone.setenv("INNERLOOP_GPUS", "0")
    device.set_up(Compute("cpu", torch.get_num_threads()))
    assert not list(tmp_path.iterdir())
