"""A job that fails beside one that does not: what one sees, what is written, what runs next."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
import yaml
from study_run import Checkout, small_study

from innerloop.runtime.earlier_jobs import local_jobs
from innerloop.runtime.files import read_json, write_json
from innerloop.runtime.last_run import NOTED

pytestmark = pytest.mark.workflow

BROKEN = """def step(weight, gradient, step_size):
    if weight.norm() > 100:
        return weight
    return weight - step_size * gradient
"""
#: It passes on random images.
FRAIL = """import sys


def step(weight, gradient, step_size):
    if sys.argv[0].endswith("train.py") and weight.norm() > 100:
        return weight
    return weight - step_size * gradient
"""
MENDED = "def step(weight, gradient, step_size):\n    return weight - step_size * gradient\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("failures") / "innerloop")
    study = small_study()
    study["methods"] = {"mine": {"label": "Mine", "update_rule": "my_rule.py:step"}}
    protocol = study["protocols"]["p1"]
    study["protocols"] = {"own": {**protocol, "variants": {"maml": {}, "mine": {}}}}
    study["protocols"]["own"]["defaults"] |= {"iterations": 2}
    study["models"]["scripts_1shot"]["protocol"] = "own"
    del study["probes"], study["models"]["scripts_1shot"]["probes"]
    checkout.write_study("study.yaml", study)
    (checkout.folder / "my_rule.py").write_text(BROKEN)
    return checkout


def evaluate(checkout, *arguments):
    done = checkout.snakemake(
        "evaluate", "--configfile", "study.yaml", "--cores", "2", *arguments, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_code_of_the_user_s_own_is_tried_before_any_work(checkout):
    code, seen = evaluate(checkout)
    assert code == 1
    assert "my_rule.py, line 2, in step:\n    if weight.norm() > 100:" in seen
    assert "torch.where" in seen
    assert "nothing was started" in seen
    assert "Traceback" not in seen
    assert "Snakefile" not in seen
    assert not (checkout.folder / "resources").exists()
    assert not (checkout.folder / "results").exists()


def test_so_is_a_source_of_images_of_one_s_own(checkout):
    study = yaml.safe_load((checkout.folder / "study.yaml").read_text())
    study["methods"], study["protocols"]["own"]["variants"] = {}, {"maml": {}}
    study["datasets"]["scripts"]["source"] = "my_images.py:source"
    checkout.write_study("own_images.yaml", study)
    (checkout.folder / "my_images.py").write_text("source = None\n")
    dry = checkout.snakemake("-n", "--configfile", "own_images.yaml", check=False)
    assert "'my_images.py:source' is None, expected a source" in dry.stdout + dry.stderr
    (checkout.folder / "my_images.py").write_text("source = list()\n")
    done = checkout.snakemake(
        "evaluate", "--configfile", "own_images.yaml", "--cores", "2", check=False
    )
    seen = done.stdout + done.stderr
    assert done.returncode == 1
    assert "'my_images.py:source' is of type list, without" in seen
    assert "nothing was started" in seen
    assert not (checkout.folder / "resources").exists()


def test_the_rest_is_reported_and_only_what_failed_runs_again(checkout):
    (checkout.folder / "my_rule.py").write_text(FRAIL)
    fails = "results/small/models/own/scripts/mine/5w1s/seed0/model.json"
    code, seen = evaluate(checkout, "--cores", "1", "--prioritize", fails)  # before the others
    assert code == 1
    log = "results/small/logs/models/own/scripts/mine/5w1s/seed0/model.log"
    failure = re.search(r"FAILED after .*?: (.*)\n\s+my_rule.py, line 5, in step:\n(.*)\n", seen)
    assert "mine" in failure[1]
    assert failure[2].strip().endswith("and weight.norm() > 100:")
    assert "torch.where" in seen
    assert f"Log: {log}" in seen
    assert "CalledProcessError" not in seen
    assert max(map(len, seen.splitlines())) < 400  # no parameters of a job
    assert read_json(checkout.folder / NOTED.format(study="small"))["files"] == ["study.yaml"]

    partial = checkout.folder / "results/small/report-partial.html"
    assert str(partial) in seen
    text = partial.read_text(encoding="utf-8")
    assert "This report covers part of the study" in text
    assert "my_rule.py, line 5, in step:" in text
    assert log in text
    assert text.count("±") > 0  # the accuracy of the model that is there
    models = checkout.folder / "results/small/models/own/scripts"
    assert (models / "maml/5w1s/seed0/model.json").is_file()
    assert not (models / "mine/5w1s/seed0/model.json").exists()

    (checkout.folder / "my_rule.py").write_text(MENDED)
    code, seen = evaluate(checkout)
    assert code == 0
    done = [line.split(": ", 1)[1] for line in seen.splitlines() if "  done in " in line]
    assert len(done) == 2  # its training and its accuracy
    assert all("mine" in what for what in done)


def one_training(checkout, name, iterations):
    """Snakemake's arguments for a training of that length in a study of its own, and its log."""
    study = yaml.safe_load((checkout.folder / "study.yaml").read_text(encoding="utf-8"))
    study["study"] = name
    study["protocols"]["own"]["defaults"]["iterations"] = iterations
    checkout.write_study(f"{name}.yaml", study)
    folder = "models/own/scripts/maml/5w1s/seed0"
    target = (f"results/{name}/{folder}/model.json", "--configfile", f"{name}.yaml")
    return target, checkout.folder / f"results/{name}/logs/{folder}/model.log"


def wait_until_it_trains(running, log):
    while running.poll() is None and not (log.exists() and "iterations;" in log.read_text()):
        time.sleep(0.02)


@pytest.mark.long
def test_ctrl_c_saves_a_training_which_goes_on_when_run_again(checkout):
    target, log = one_training(checkout, "stopped", 30)
    with checkout.started(*target, "--cores", "2") as running:
        wait_until_it_trains(running, log)
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to every process
        seen = running.communicate()[0]
    assert running.returncode != 0
    saved = re.search(r"Train maml .*: saved at iteration (\d+); run again to go on", seen)
    assert saved, seen
    assert "CalledProcessError" not in seen
    assert "Traceback" not in seen

    checkout.run(*target)
    text = log.read_text(encoding="utf-8")
    assert f"continuing at iteration {saved[1]} from" in text
    assert "finished 30 iterations" in text


def test_after_a_kill_the_next_run_is_told_what_it_left(checkout):
    """Its jobs, which go on without it, are not made twice; its lock is nobody's."""
    target, log = one_training(checkout, "killed", 100_000)
    with checkout.started(*target, "--cores", "2") as running:
        wait_until_it_trains(running, log)
        running.kill()
        running.wait()
    assert [*(checkout.folder / ".snakemake/locks").iterdir()]

    refused = checkout.snakemake(*target, "--cores", "2", check=False)
    assert refused.returncode == 1
    assert "its lock is removed" in refused.stdout + refused.stderr
    left = re.search(r"(\d+) on this machine train\n", refused.stdout + refused.stderr)
    assert left, refused.stdout + refused.stderr
    os.kill(int(left[1]), signal.SIGTERM)
    while local_jobs(checkout.folder):
        time.sleep(0.02)
    assert "saved at iteration" in log.read_text(encoding="utf-8")
    assert not [*(checkout.folder / ".snakemake").glob("locks/*")]


@pytest.mark.long
def test_an_edit_that_is_undone_costs_no_training(checkout):
    target, log = one_training(checkout, "undone", 2)
    checkout.run(*target)
    model = checkout.folder / target[0]
    first = model.read_bytes()
    spent = read_json(model.with_name("run.json"))
    write_json(model.with_name("run.json"), {**spent, "wall_seconds": 90 * 3600})
    one_training(checkout, "undone", 3)
    seen = checkout.snakemake(*target, "--cores", "2")
    said = "kept under results/undone/replaced/: 1 model, 3.8 d of training."
    assert said in seen.stdout + seen.stderr
    assert model.read_bytes() != first

    one_training(checkout, "undone", 2)
    checkout.run(*target)
    assert "taken back from results/undone/replaced/" in log.read_text(encoding="utf-8")
    assert model.read_bytes() == first
    assert len([*(checkout.folder / "results/undone/replaced").iterdir()]) == 1  # of 3 iterations
    assert checkout.planned(*target) == []

    checkout.run(*target, "--force")  # who asks for it gets it computed
    assert "finished 2 iterations" in log.read_text(encoding="utf-8")
    assert len([*(checkout.folder / "results/undone/replaced").iterdir()]) == 1


def test_what_snakemake_prints_besides_runs_is_not_swallowed(checkout):
    printed = checkout.snakemake("--configfile", "study.yaml", "--dag").stdout
    assert "train_model" in printed
