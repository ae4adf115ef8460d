"""What the Snakefile tells of a run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from innerloop.display.announced import HERE, announce_jobs, failures


def job(
    number: int,
    outputs: list[Path],
    log: Path | None = None,
    rule: str = "train_model",
    **more: Any,
) -> SimpleNamespace:
    return SimpleNamespace(
        jobid=number, rule=SimpleNamespace(name=rule, message="Train {wildcards.seed}"),
        output=outputs, threads=1, log=[log] if log else [], message=f"Train {number}",
        resources={}, is_local=False, wildcards=SimpleNamespace(seed=number),
        wildcards_dict={"seed": str(number)}, is_group=lambda: False, **more,
    )  # fmt: skip


def group(*jobs: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(jobs=jobs, is_group=lambda: True)


def workflow(jobs: list[SimpleNamespace], running: tuple[()] | tuple[str], **limits: Any) -> Any:
    return SimpleNamespace(
        scheduler=SimpleNamespace(failed=jobs, running=running),
        dag=SimpleNamespace(needrun_jobs=lambda: jobs),
        global_resources=limits, local_exec="_nodes" not in limits,
    )  # fmt: skip


def test_failed_jobs_have_their_reasons(tmp_path):
    log, made = tmp_path / "log", tmp_path / "made"
    log.write_text("DataError: no images\n")
    made.write_text("")
    broken = job(2, [tmp_path / "missing"], log)
    jobs = [group(broken, job(1, [made], log)), job(0, [tmp_path / "missing"])]
    assert failures(workflow(jobs, ())) == [
        {"what": "Train 0", "reason": "", "log": ""},
        {"what": "Train 2", "reason": "DataError: no images", "log": str(log)},
    ]


def test_a_failed_job_that_is_not_meant_is_left_out(tmp_path):
    failed = [job(0, [tmp_path / "report.pdf"]), job(1, [tmp_path / "model.json"])]
    found = failures(workflow(failed, ()), but=str(tmp_path / "report.pdf"))
    assert [one["what"] for one in found] == ["Train 1"]


def test_a_run_that_was_stopped_has_failed_in_nothing(tmp_path):
    assert failures(workflow([job(0, [tmp_path / "missing"])], ("a job",))) == []


def shares(monkeypatch: Any, *jobs: SimpleNamespace, **limits: Any) -> list[float]:
    monkeypatch.setattr(HERE, "jobs", [])
    announce_jobs(workflow(list(jobs), (), **limits))
    return [each.share for each in HERE.jobs]


def test_a_job_takes_the_share_of_what_it_needs_most_of(monkeypatch):
    on_gpu, on_cpu = job(0, []), job(1, [])
    on_gpu.resources = {"gpu_share": 50, "runtime": "2h", "tmpdir": "/tmp"}
    limits = {"_cores": 4, "gpu_share": SimpleNamespace(value=100)}
    assert shares(monkeypatch, on_gpu, on_cpu, **limits) == [0.5, 0.25]


def test_on_a_cluster_a_job_is_one_of_those_that_may_run_at_once(monkeypatch):
    local, remote = job(0, []), job(1, [])
    local.is_local = True
    assert shares(monkeypatch, local, remote, _cores=2, _nodes=100) == [0.5, 0.01]


def test_a_message_may_name_whatever_snakemake_lets_it(monkeypatch):
    jobs = [job(number, []) for number in range(4)]
    messages = ("Align {input}", "Align {wildcards.seed:q}", "Align {wildcards.sample}", None)
    for each, message in zip(jobs, messages, strict=True):
        each.rule.message = message
    shares(monkeypatch, *jobs)
    assert [each.what for each in HERE.jobs] == ["Train 0", "Train 1", "Train 2", "train_model"]


def test_rules_of_a_module_are_known_behind_their_prefix(monkeypatch):
    named = ["il_train_model", "train_model", "il_all", "few_shot_draw_figure", "align_reads"]
    jobs = [job(number, [], rule=name) for number, name in enumerate(named)]
    shares(monkeypatch, *jobs)
    known = ["train_model", "train_model", "il_all", "draw_figure", "align_reads"]
    assert [each.rule for each in HERE.jobs] == known
