"""Jobs that a killed Snakemake left behind: found, and nothing begins beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from innerloop.commands import wait
from innerloop.runtime.earlier_jobs import SCRIPTS, local_jobs, require_none, slurm_jobs
from innerloop.runtime.errors import EarlierJobsError

SCRIPTS_OF_THE_WORKFLOW = Path(__file__).resolve().parents[2] / SCRIPTS


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A squeue that says, one call after the other, what it is told to."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def says(*answers: str, status: int = 0) -> None:
        for number, answer in enumerate(answers):
            (folder / f"answer{number}").write_text(answer, encoding="utf-8")
        command = folder / "squeue"
        command.write_text(
            f'#!/bin/sh\ncd {folder}\nfirst=$(ls answer* | head -n 1)\ncat "$first"\n'
            f'[ "$(ls answer* | wc -l)" = 1 ] || rm "$first"\nexit {status}\n',
            encoding="utf-8",
        )
        command.chmod(0o755)

    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return says


def test_only_snakemake_s_jobs_of_this_folder_count(queue, tmp_path: Path) -> None:
    queue(
        f"7|RUNNING|{tmp_path}|rule_train_model_wildcards_demo_p1\n"
        f"8|PENDING|{tmp_path}/other|rule_train_model_wildcards_demo_p1\n"
        f"9|RUNNING|{tmp_path}|(null)\n"
    )
    (job,) = slurm_jobs(tmp_path)
    assert (job.number, job.state) == ("7", "RUNNING")
    assert job.makes.startswith("train_model")


def test_to_begin_beside_them_is_refused_with_what_to_do(queue, tmp_path: Path) -> None:
    queue(f"7|RUNNING|{tmp_path}|rule_train_model\n")
    with pytest.raises(EarlierJobsError, match=r"(?s)7 RUNNING train_model.*innerloop wait"):
        require_none(tmp_path, slurm=True)


def test_an_empty_queue_stops_nobody(queue, tmp_path: Path) -> None:
    queue("")
    require_none(tmp_path, slurm=True)


def test_without_slurm_there_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm_jobs(tmp_path) == []


def test_a_silent_scheduler_is_no_empty_queue(queue, tmp_path: Path) -> None:
    queue("", status=1)
    with pytest.raises(EarlierJobsError, match="does not answer"):
        require_none(tmp_path, slurm=True)


@pytest.mark.parametrize("failure", ["hangs", "fails", "vanishes", "is not allowed", "babbles"])
def test_waiting_goes_on_while_squeue_does_not_answer(
    failure: str, queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    seven = f"7|RUNNING|{tmp_path}|rule_x\n"
    queue(seven, *["squeue: maintenance\n"] * (failure == "babbles"), seven, "")
    asked, run = [], subprocess.run
    raised = {
        "hangs": subprocess.TimeoutExpired("squeue", 60),
        "fails": subprocess.CalledProcessError(1, "squeue", stderr="Unable to contact controller"),
        "vanishes": FileNotFoundError(2, "No such file", "squeue"),
        "is not allowed": PermissionError(13, "Permission denied", "squeue"),
    }

    def ask(*args: Any, **options: Any) -> Any:
        asked.append(args)
        if len(asked) == 2 and failure in raised:
            raise raised[failure]
        return run(*args, **options)

    monkeypatch.setattr(subprocess, "run", ask)
    wait.main(["--every", "0"])
    first, silent, again, last = capsys.readouterr().out.splitlines()
    assert first == again == "waiting for 1 job: 7"
    why = {
        "hangs": "timed out",
        "fails": "(Unable to contact controller)",
        "babbles": "maintenance",
    }
    assert silent.startswith("still waiting: squeue does not answer (")
    assert why.get(failure, "") in silent
    assert last == "no job of an earlier run is left in this folder"


def test_waiting_without_squeue_says_that_no_cluster_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    wait.main([])
    said = "no job of an earlier run is left in this folder on this machine; without squeue, no clu"
    assert capsys.readouterr().out.startswith(said)


def test_waiting_ends_with_the_last_job(queue, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    seven, eight = (f"{number}|RUNNING|{tmp_path}|rule_x\n" for number in (7, 8))
    queue(seven + eight, seven + eight, eight, "")
    wait.main(["--every", "0"])
    assert capsys.readouterr().out.splitlines() == [
        "waiting for 2 jobs: 7, 8",
        "waiting for 1 job: 8",
        "no job of an earlier run is left in this folder",
    ]


@pytest.fixture
def job(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A program of the workflow, which waits to be told to end."""
    script = tmp_path / SCRIPTS / getattr(request, "param", "train.py")
    script.parent.mkdir()
    script.write_text("import sys\nprint(flush=True)\nsys.stdin.read()\n", encoding="utf-8")
    command = [sys.executable, f"{SCRIPTS}/{script.name}"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        running.stdout.readline()
        yield running
        running.stdin.close()


def test_a_job_that_runs_here_without_its_snakemake_is_refused(job, tmp_path: Path) -> None:
    with pytest.raises(EarlierJobsError, match=rf"{job.pid} on this machine train\n.*by kill"):
        require_none(tmp_path, slurm=False)
    assert local_jobs(tmp_path / SCRIPTS) == []
    job.stdin.close()
    job.wait()
    require_none(tmp_path, slurm=False)


@pytest.mark.parametrize("job", ["write_partial_report.py", "rehearse.py"], indirect=True)
def test_what_makes_nothing_of_the_study_is_no_job(job, tmp_path: Path) -> None:
    """A killed Snakemake may have been at its last report, or at the trial of the user's code."""
    assert (SCRIPTS_OF_THE_WORKFLOW / Path(job.args[1]).name).is_file()
    require_none(tmp_path, slurm=False)


def test_the_jobs_of_a_snakemake_are_its_own(job, tmp_path: Path, monkeypatch) -> None:
    me = psutil.Process
    monkeypatch.setattr(me, "parents", lambda self: [Parent()])
    assert local_jobs(tmp_path) == []


class Parent:
    def cmdline(self) -> list[str]:
        return ["/usr/bin/python", "/usr/bin/snakemake", "--cores", "2"]
