"""What a job costs besides its work: some that do nothing, through the profile."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from cluster import Cluster, Head, Study

pytestmark = pytest.mark.slurm

COUNT = 20
SNAKEFILE = f"""
rule all:
    input:
        expand("done/{{number}}", number=range({COUNT})),
    localrule: True


rule nothing:
    output:
        touch("done/{{number}}"),
    log:
        "logs/{{number}}.log",
    resources:
        mem_mb=500,
        runtime=5,
    shell:
        "echo nothing >{{log}}"
"""


def test_many_small_jobs(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All arrive; the seconds are printed, and judged by nobody: machines differ."""
    study = Study(tmp_path / "innerloop")
    (study.folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
    began = time.monotonic()
    before = os.times().children_user
    Head(
        study,
        (
            *("--workflow-profile", "profiles/slurm", "--jobs", str(COUNT)),
            *("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10"),
        ),
    ).finish()
    seconds = time.monotonic() - began
    jobs = cluster.jobs(study, "rule_nothing")
    assert len(jobs) == COUNT
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert len(list((study.folder / "done").iterdir())) == COUNT
    head = os.times().children_user - before
    with capsys.disabled():
        print(
            f"\n{COUNT} jobs that do nothing: {seconds:.0f} s, {seconds / COUNT:.2f} s a job on "
            f"{os.cpu_count()} cores; the head process computed {head / COUNT:.3f} s a job"
        )
