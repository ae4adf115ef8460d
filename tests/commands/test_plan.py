"""The plan of a study: what it counts, and how slots are filled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import yaml

from innerloop.commands import plan
from innerloop.commands.plan import Chain, PlannedJob, planned, wall_seconds
from innerloop.runtime.errors import ConfigError
from innerloop.stats.power import Size, Spread, needed, smallest_detectable
from innerloop.study.forecast import Forecast
from innerloop.study.speeds import Speeds
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]


def job(seconds: float) -> PlannedJob:
    return PlannedJob("train_model", seconds)


def test_every_job_of_the_smoke_study_that_computes_is_counted() -> None:
    study = Study(yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8")))
    jobs = [job for each in planned(Forecast(study)) for job in each.jobs]
    assert Counter(job.rule for job in jobs) == {
        "build_images": 4,
        "train_model": 6,
        "measure_accuracy": 6,
        "measure_probe": 9,
        "measure_raw_pixels": 3,
        "train_toy": 2,
    }
    assert all(job.seconds > 0 for job in jobs)


def test_one_slot_takes_the_sum_and_many_the_longest_chain() -> None:
    chains = [Chain(job(10), (job(2), job(3))), Chain(job(4)), Chain(job(5), (job(1),))]
    assert wall_seconds(chains, 1) == 25
    assert wall_seconds(chains, 100) == 13


@pytest.mark.parametrize("slots", [1, 2, 3, 7])
def test_wall_time_is_never_below_its_two_bounds(slots: int) -> None:
    chains = [Chain(job(1 + place % 4), (job(place % 3),)) for place in range(20)]
    total = sum(job.seconds for each in chains for job in each.jobs)
    wall = wall_seconds(chains, slots)
    assert max(total / slots, max(each.seconds for each in chains)) <= wall <= total


def test_nothing_that_waits_for_a_training_starts_before_it_ends() -> None:
    assert wall_seconds([Chain(job(10), (job(5),))], 2) == 15


def test_files_lie_over_one_another_and_the_facts_are_named(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(ROOT)
    more = tmp_path / "more.yaml"
    more.write_text(
        "study: bigger\ncompute: {device: cuda}\nmodel_seeds: [0, 1, 2]\n", encoding="utf-8"
    )
    plan.main(["--configfile", "config/smoke.yaml", str(more), "--slots", "2", "8"])
    said = capsys.readouterr().out
    assert said.startswith("bigger: ")
    assert re.search(r"^train_model +18 ", said, re.MULTILINE)
    assert re.search(r"^GPU minutes: [1-9][\d.]*, left: [1-9]", said, re.MULTILINE)
    assert "with 2 at once" in said
    assert "with 8 at once" in said
    assert re.search(r"^    train: [\d,]+ GFLOP/s, one H200", said, re.MULTILINE)


def test_a_study_that_has_run_is_planned_by_its_own_benchmarks(tmp_path, monkeypatch) -> None:
    content = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    study = Study(content)
    monkeypatch.chdir(tmp_path)
    shipped = Speeds.shipped().applied(study)
    assert Speeds.known(study).applied(study) == shipped
    for key in study.models:
        model = f"{key.protocol}/{key.dataset}/{key.variant}/{key.setting}/seed{key.seed}/model.tsv"
        benchmark = tmp_path / "results/smoke/benchmarks/models" / model
        benchmark.parent.mkdir(parents=True)
        benchmark.write_text("s\tmax_rss\n100\t1\n", encoding="utf-8")
    own = Speeds.known(study).applied(study)
    assert own["train"].per_second < shipped["train"].per_second
    assert own["train"].where == "results/smoke: median of 6 jobs"
    other = Study({**content, "study": "another"})
    assert Speeds.shipped().measured(study).applied(other) == own
    with pytest.raises(ConfigError, match="results/another/benchmarks has no job"):
        Speeds.shipped().measured(other)


def test_the_paper_study_takes_no_more_gpu_hours_than_it_did_with_three_of_everything() -> None:
    study = Study(yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8")))
    (hours,) = re.findall(
        r"^GPU hours: ([\d.]+)",
        "\n".join(plan.described(study, Forecast(study), [1])),
        re.MULTILINE,
    )
    assert float(hours) <= 89


@pytest.mark.parametrize("slots", ["0", "-2", "many"])
def test_no_slots_are_refused(slots: str, capsys) -> None:
    with pytest.raises(SystemExit):
        plan.main(["--slots", slots])
    assert "1 or more" in capsys.readouterr().err


def test_planning_needs_no_torch_and_no_pandas() -> None:
    code = (
        "import sys\n"
        "from innerloop.commands import plan\n"
        "plan.main(['--configfile', 'config/smoke.yaml'])\n"
        "heavy = {'torch', 'pandas', 'matplotlib', 'scipy', 'snakemake'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_outside_a_checkout_the_study_file_is_checked_all_the_same(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"no config/config\.yaml in .*--configfile"):
        plan.main([])
    content = (ROOT / "config/smoke.yaml").read_text(encoding="utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text(content.replace("filters: 8", "filtres: 8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key 'filtres'; did you mean 'filters'"):
        plan.main(["--configfile", str(mine)])
    mine.write_text(f"{content}\nseed: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="seed is given twice"):
        plan.main(["--configfile", str(mine)])


def test_what_is_done_is_not_left(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study(yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8")))
    monkeypatch.setattr(plan, "done", lambda study: lambda job: job.rule != "train_toy")
    said = "\n".join(plan.described(study, Forecast(study), [1]))
    assert re.search(r"^train_model +6 .* 0 +0 s$", said, re.MULTILINE)
    assert re.search(r"^train_toy +2 +3 s +3 s +6 s +2 +6 s$", said, re.MULTILINE)
    assert re.search(r"^wall time with 1 at once: .+, left: 6 s$", said, re.MULTILINE)


def test_slots_are_this_machine_s(monkeypatch) -> None:
    content = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)))
    monkeypatch.setenv("INNERLOOP_GPUS", "0,1,2")
    for compute, slots in [
        ({"threads": 1}, 12),
        ({"threads": 5}, 2),
        ({"threads": 24}, 1),
        ({"device": "cuda", "jobs_per_gpu": 2}, 6),
    ]:
        edited = {**content, "compute": {**content["compute"], **compute}}
        assert plan.slots_here(Study(edited)) == slots


def write_pilot(folder: Path) -> Path:
    """A pilot of two trainings: its table of comparisons, with their variances."""
    (folder / "tables/own").mkdir(parents=True)
    datasets = {"symbols": {"classes": {"test": 20}}}
    about = {"study": "pilot", "models": [], "datasets": datasets}
    about["roles"] = {"mini_imagenet": "symbols"}
    (folder / "study.json").write_text(json.dumps(about), encoding="utf-8")
    where = {"protocol": "p1", "trained_on": "mini_imagenet", "setting": "5w1s"}
    where["tested_on"] = "mini_imagenet"
    sides = {f"{side}_{key}": value for side in ("of", "against") for key, value in where.items()}
    shared = {"decides": True, "margin": 0.0, "expected": "greater", "of_variant": "scaled_lr"}
    shared |= {**sides, "against_variant": "maml", "seeds": 2}
    spread = {"classes": 2.0, "trainings": 1.0, "classes_by_trainings": 0.5}
    spread |= {"tasks": 6.0, "rest": 5.0}
    by_tasks = {f"method_sd_{name}": sd for name, sd in spread.items()}
    rows = [
        {"claim": "beats", "quantity": "accuracy", "seed_sd": 1.0, "method_mean": 3.0, **by_tasks},
        {"claim": "hides", "quantity": "accuracy", "seed_sd": 1.0, "method_mean": 0.1, **by_tasks},
        {"claim": "grows", "quantity": "weight_norm_growth", "seed_sd": 4.0, "method_mean": 9.0},
        {"claim": "alone", "quantity": "accuracy", "method_mean": 3.0},
        {"claim": "same", "quantity": "cka", "seed_sd": 1.0, "method_mean": 0.3, **by_tasks}
        | {"expected": "equal", "margin": 2.5},
        {"claim": "toy", "quantity": "toy_accuracy", "seed_sd": 1.0, "method_mean": 2.0},
        {"claim": "mine", "quantity": "probe", "of_probe": "sharpness", "seed_sd": 1e-4}
        | {"method_mean": 3e-4, **{name: sd / 1e4 for name, sd in by_tasks.items()}},
    ]
    # of a claim the hardest comparison that decides
    rows += [
        {**rows[0], "method_mean": 30.0},
        {**rows[0], "method_mean": 0.01, "decides": False},
    ]
    frame = pd.DataFrame([{**shared, **row} for row in rows])
    frame.to_csv(folder / "tables/own/claim_comparisons.csv", index=False)
    (folder / "tables/own/claim_comparisons.json").write_text("{}", encoding="utf-8")
    return folder


def test_power_says_what_a_plan_detects_and_what_would_decide(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    more = tmp_path / "more.yaml"
    content = {"study": "more", "model_seeds": [0, 1, 2], "evaluation": {"tasks": 600}}
    content["statistics"] = {"level": 0.8}
    more.write_text(yaml.safe_dump(content), encoding="utf-8")
    pilot = str(write_pilot(tmp_path / "pilot"))
    plan.main(["--configfile", "config/config.yaml", str(more), "--power", pilot])
    said = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in said.splitlines() if line}
    size = ["3", "x", "20", "x", "600"]
    assert lines["beats"][1:6] == lines["hides"][1:6] == size
    detects = smallest_detectable(Spread(2.0, 1.0, 0.5, 6.0, 5.0), Size(3, 20, 600), 0.8)
    assert float(lines["beats"][6]) == pytest.approx(detects, abs=0.06)
    # a difference of 3 points takes few trainings; one of 0.1 none of what there could be
    assert int(lines["beats"][8]) < 12
    assert lines["beats"][7] == "3.0"
    assert lines["hides"][8] == "never"
    # how far the mean is inside the margin; the tasks are the probe's
    size = Size(3, 20, 50)
    enough = needed(Spread(2.0, 1.0, 0.5, 6.0, 5.0), size, 2.5 - 0.3, "trainings", 0.8)
    assert lines["same"][1:6] == ["3", "x", "20", "x", "50"]
    assert lines["same"][8] == str(enough)
    assert lines["toy"][1] == "3"
    assert lines["mine"][1:6] == lines["beats"][1:6]
    assert lines["mine"][7:9] == ["0.00030", lines["beats"][8]]
    assert lines["grows"][1] == "3"
    assert len(lines["grows"]) == 5
    assert "fewer than two trainings: alone" in said


@pytest.mark.parametrize(
    ("left", "named"),
    [
        (lambda rows: rows[rows["claim"] == "alone"], "one training of everything"),
        (lambda rows: rows.drop(columns="method_sd_classes"), "an earlier version made it"),
    ],
)
def test_a_pilot_without_variances_is_refused(tmp_path, monkeypatch, left, named):
    monkeypatch.chdir(ROOT)
    table = write_pilot(tmp_path / "pilot") / "tables/own/claim_comparisons.csv"
    left(pd.read_csv(table)).to_csv(table, index=False)
    with pytest.raises(ConfigError, match=named):
        plan.main(["--configfile", "config/smoke.yaml", "--power", str(tmp_path / "pilot")])
