"""A study on a real SLURM: the same values, GPUs of one's own, and nothing lost to disturbances."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from cluster import (
    ITERATIONS,
    TARGETS,
    Cluster,
    Study,
    caught_in_training,
    command,
    edit_partitions,
    until,
)

from innerloop.runtime.provenance import read_provenance
from innerloop.study.paths import MODEL_FILES

pytestmark = pytest.mark.slurm

MAML = "results/small/models/p1/scripts/maml/5w1s/seed0/model.json"
#: The partition whose jobs give way to those of others.
SCAVENGE = {"cpu": {"max_runtime": 120}, "scavenge": {"max_runtime": 120, "max_gpu": 1}}


@pytest.fixture(scope="module")
def on_slurm(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The whole study, run on the cluster without disturbance."""
    study = Study(tmp_path_factory.mktemp("slurm_run") / "innerloop", iterations=ITERATIONS)
    study.start(*TARGETS).finish()
    return study


def test_the_same_values_as_on_one_machine(local: Study, on_slurm: Study) -> None:
    for table in TARGETS:
        found, expected = (
            study.aggregate("small", Path(table).stem) for study in (on_slurm, local)
        )
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    # of each the files beside model.json, without run.json, and model.json itself
    assert len(local.models()) == 2 * len(MODEL_FILES)
    assert on_slurm.models() == local.models()


def test_what_is_measured_of_a_model_shares_one_allocation(
    cluster: Cluster, on_slurm: Study
) -> None:
    assert len(cluster.jobs(on_slurm, "measure_accuracy_measure_probe")) == 2
    assert len(cluster.jobs(on_slurm, "train_model")) == 2
    # images, raw pixels, two trainings, two allocations of measurements; the rest is local
    assert len(cluster.jobs(on_slurm)) == 6


def test_no_two_jobs_share_a_gpu(cluster: Cluster, on_slurm: Study) -> None:
    held = cluster.held_gpus()
    own = {job.number for job in cluster.jobs(on_slurm)}
    assert set(held) == {"n1.0", "n2.0"}  # no GPU that does not exist, and both are used
    assert len({job for spans in held.values() for *_, job in spans} & own) == 4
    for spans in held.values():
        for (_, end, _), (start, _, _) in itertools.pairwise(sorted(spans)):
            assert end <= start


def test_every_job_leaves_a_log(on_slurm: Study) -> None:
    assert len(list((on_slurm.folder / "logs/slurm").rglob("*.log"))) == 6
    assert f"{ITERATIONS}/{ITERATIONS}" in on_slurm.log("maml")


def test_preemption_and_a_lost_node(cluster: Cluster, local: Study, tmp_path: Path) -> None:
    """One training gives way to somebody else, the other's node crashes; nobody lends a hand."""
    study = Study(tmp_path / "innerloop", iterations=ITERATIONS).with_data_of(local)
    edit_partitions(study, SCAVENGE)
    head = study.start("train", *TARGETS[2:])
    with caught_in_training(study, head, "maml", "boil"):
        trainings = "train_model_wildcards_small_p1_scripts_"
        node = {name: cluster.jobs(study, trainings + name)[0].node for name in ("maml", "boil")}
        assert set(node.values()) == {"n1", "n2"}
        # somebody with a higher rank wants the whole node of the first
        command(
            *("sbatch", "--partition=cpu", f"--nodelist={node['maml']}", "--exclusive"),
            *("--output=/dev/null", "--wrap", "sleep 5"),
        )
        until(lambda: "saved at iteration" in study.log("maml"), "MAML saves and stops", head)
        cluster.fail_node(node["boil"])
        cluster.mend_node(node["boil"])
    head.finish()
    assert "continuing at iteration" in study.log("maml")
    assert study.models() == local.models()
    # SLURM's own jobs, started again: nothing was submitted a second time
    assert len(cluster.jobs(study, "train_model")) == 2


def test_a_training_longer_than_its_time_limit(
    cluster: Cluster, local: Study, tmp_path: Path
) -> None:
    """It is told to stop in time, saves, and goes on in the next job."""
    study = Study(tmp_path / "innerloop", iterations=ITERATIONS).with_data_of(local)
    head = study.start(MAML)
    with caught_in_training(study, head, "maml"):
        (job,) = cluster.jobs(study, "train_model")
        command("scontrol", "update", f"JobId={job.number}", "TimeLimit=2")
        until(lambda: "saved at iteration" in study.log("maml"), "MAML saves and stops", head)
    head.finish()
    told, _ = cluster.jobs(study, "train_model")
    assert told.state != "TIMEOUT"  # which is too late for a training that takes long to save
    assert "continuing at iteration" in study.log("maml")
    undisturbed = local.models()
    assert study.models() == {name: undisturbed[name] for name in undisturbed if "/maml/" in name}


def test_a_head_that_is_killed_and_started_again(
    cluster: Cluster, local: Study, tmp_path: Path
) -> None:
    study = Study(tmp_path / "innerloop", iterations=ITERATIONS).with_data_of(local)
    head = study.start("train")
    with caught_in_training(study, head, "maml", "boil"):
        head.kill()
        running = cluster.jobs(study, "train_model")
        assert len(running) == 2

        again = study.start("train")
        assert again.end() != 0
        assert all(f"{job.number} {job.state} train_model" in again.said for job in running)
        assert "innerloop wait" in again.said
        assert cluster.jobs(study, "train_model") == running

    innerloop = Path(sys.executable).with_name("innerloop")
    subprocess.run([innerloop, "wait", "--every", "1"], cwd=study.folder, check=True)
    study.start("train", *TARGETS[2:]).finish()
    assert len(cluster.jobs(study, "train_model")) == 2
    assert study.models() == local.models()


def test_an_edit_while_jobs_are_queued_is_caught(
    cluster: Cluster, prepared: Study, tmp_path: Path
) -> None:
    study = Study(tmp_path / "innerloop", iterations=4).with_data_of(prepared)
    table = "results/small/aggregates/training.parquet"
    command("scontrol", "update", "PartitionName=gpu", "State=DOWN")
    try:
        head = study.start(table)
        until(lambda: len(cluster.jobs(study, "train_model")) == 2, "jobs are queued", head)
        study.edit("small.yaml", "step_size: 0.05", "step_size: 0.06")
    finally:
        command("scontrol", "update", "PartitionName=gpu", "State=UP")
    assert head.end() != 0
    log = (study.folder / "results/small/logs/aggregates/logs.log").read_text(encoding="utf-8")
    assert "learner.step_size: made with 0.06, the study says 0.05" in log
    for variant in ("maml", "boil"):
        assert f"models/p1/scripts/{variant}/5w1s/seed0/training.parquet" in log
    assert not (study.folder / table).exists()

    # another start goes by the file as it is now
    study.start(table).finish()
    provenance = read_provenance(study.folder / table)
    assert provenance["study"]["protocols"]["p1"]["defaults"]["step_size"] == 0.06
