"""What jobs ask a scheduler for: estimates, the study file's word, and what it never changes."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.runtime.errors import ConfigError
from innerloop.study import paths, workload
from innerloop.study.jobs import Jobs
from innerloop.study.keys import Resources
from innerloop.study.measurements import Measurements
from innerloop.study.model_key import ModelKey
from innerloop.study.sizing import GPU_MB, LONGEST, Size, Sizes
from innerloop.study.speeds import STARTUP, Speeds
from innerloop.study.study import Study
from innerloop.study.workload import IMAGES

ROOT = Path(__file__).resolve().parents[2]
SMOKE: dict[str, Any] = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
MAML = ModelKey("p1", "symbols", "maml", "5w1s", 0)


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks are looked for under results/ of the working directory."""
    monkeypatch.chdir(tmp_path)


def study(edit: Any = lambda content: None) -> Study:
    content = copy.deepcopy(SMOKE)
    edit(content)
    return Study(content)


def defaults(**values: Any) -> Any:
    """An edit of p1's defaults."""
    return lambda content: content["protocols"]["p1"]["defaults"].update(values)


def trained(edit: Any = lambda content: None) -> workload.Work:
    return workload.of(study(edit), "train_model", asdict(MAML))


# ---- work ----------------------------------------------------------------------------------------


def test_a_step_of_maml_at_the_papers_size_is_350_gflop() -> None:
    """4 tasks, 5 second-order steps on 5 images, 75 query images, 84 px, 64 filters."""
    paper = {"image_size": 84, "filters": 64, "meta_batch": 4, "train_steps": 5, "queries": 15}
    once = trained(defaults(**paper, iterations=1000)).amount
    twice = trained(defaults(**paper, iterations=2000)).amount
    validation = 500 * 6 * (3 * 5 * 3 + 2 * 25) * 0.1943  # every 2 iterations, 6 tasks
    assert (twice - once - validation) / 1000 == pytest.approx(350, rel=0.01)


@pytest.mark.parametrize(
    "more",
    [
        {"iterations": 40},
        {"filters": 16},
        {"image_size": 32},
        {"meta_batch": 4},
        {"train_steps": 5},
        {"queries": 15},
    ],
)
def test_more_of_anything_is_more_work(more: dict[str, Any]) -> None:
    assert trained(defaults(**more)).amount > 1.2 * trained().amount


def test_first_order_and_head_only_are_less_work() -> None:
    def second_variant(content: dict[str, Any]) -> None:
        content["protocols"]["p1"]["variants"]["anil"] = {}
        content["models"]["plain"]["variants"] = ["anil"]

    anil = ModelKey("p1", "symbols", "anil", "5w1s", 0)
    head_only = workload.of(study(second_variant), "train_model", asdict(anil))
    assert head_only.amount < trained(defaults(first_order=True)).amount < trained().amount


def test_a_probe_s_work_follows_its_options() -> None:
    def cka(**options: Any) -> float:
        edited = study(lambda content: content["probes"]["cka"].update(options))
        return workload.of(edited, "measure_probe", {**asdict(MAML), "probe": "cka"}).amount

    assert cka(tasks=60) > 5 * cka() > 0
    assert cka(datasets=["symbols"]) < cka()
    assert cka(training_tasks=40) > 2 * cka()


def test_a_user_s_probe_may_mean_anything_by_its_options(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def mine(model): ...\n", encoding="utf-8")

    def own(content: dict[str, Any]) -> None:
        content["probes"]["own"] = {"probe": f"{tmp_path}/mine.py:mine", "tasks": "every one"}
        content["models"]["plain"]["probes"].append("own")

    assert workload.of(study(own), "measure_probe", {**asdict(MAML), "probe": "own"}).amount > 0


def test_work_of_local_jobs_is_not_counted() -> None:
    with pytest.raises(KeyError, match="draw_figure"):
        workload.of(study(), "draw_figure", {"figure": "x"})


# ---- sizes ---------------------------------------------------------------------------------------


def test_memory_escalates_and_stops_at_twice() -> None:
    size = Size(first_mb=1000, minutes=10)
    assert [size.mem_mb(attempt) for attempt in (1, 2, 3, 4)] == [1000, 1500, 2000, 2000]


def test_only_what_cannot_continue_is_given_more_time() -> None:
    assert [Size(1, 10).runtime(attempt) for attempt in (1, 2, 3)] == [10, 20, 30]
    assert [Size(1, 10, resumes=True).runtime(attempt) for attempt in (1, 2, 3)] == [10] * 3
    # and no attempt asks for what most sites refuse, unless the study file does
    assert [Size(1, 1000).runtime(attempt) for attempt in (1, 2, 3)] == [1000, LONGEST, LONGEST]
    assert [Size(1, 3000).runtime(attempt) for attempt in (1, 2)] == [3000, 3000]
    sizes = Sizes(study())
    assert sizes.of("train_model", MAML).resumes
    assert not sizes.of("measure_accuracy", MAML).resumes


def test_no_job_asks_for_more_time_than_it_is_allowed() -> None:
    """The executor would send it to the cluster's default partition, whatever that is."""
    sizes = Sizes(study(defaults(image_size=84, filters=64, iterations=60000)))
    for attempt in (1, 2, 3):
        assert sizes.of("train_model", MAML, allowed=480).runtime(attempt) == 480
        assert sizes.of("build_images", allowed=60).runtime(attempt) == 60


@pytest.mark.parametrize("allowed", [LONGEST, 480])
def test_what_is_measured_of_a_model_shares_a_time_limit(allowed: int) -> None:
    """Its jobs are one submission, which asks for the sum of their limits."""

    def long(content: dict[str, Any]) -> None:
        defaults(image_size=84, filters=64)(content)
        content["probes"]["cka"]["tasks"] = 40000

    sizes = Sizes(study(long))
    accuracy = sizes.of("measure_accuracy", MAML, allowed=allowed)
    probes = [
        sizes.of("measure_probe", MAML, name, allowed=allowed)
        for name in ("cka", "interventions", "own_change", "scale_invariance")
    ]
    together = [sum(size.runtime(attempt) for size in (accuracy, *probes)) for attempt in (1, 2, 3)]
    assert allowed - len(probes) <= together[0] <= allowed
    assert together[1:] == [together[0]] * 2
    assert probes[0].minutes > 10 * accuracy.minutes  # in parts, by what each needs


def test_larger_models_ask_for_more_and_never_for_more_than_a_day() -> None:
    small = Sizes(study()).of("train_model", MAML)
    paper = defaults(image_size=84, filters=64, meta_batch=4, iterations=60000, train_steps=5)
    large = Sizes(study(paper)).of("train_model", MAML)
    assert large.first_mb > 2 * small.first_mb
    assert large.minutes == LONGEST > small.minutes


def test_on_a_gpu_activations_are_not_in_the_host_s_memory() -> None:
    def on_gpu(content: dict[str, Any]) -> None:
        content["compute"]["device"] = "cuda"

    def large_on_gpu(content: dict[str, Any]) -> None:
        on_gpu(content)
        defaults(image_size=84, filters=64)(content)

    small = Sizes(study(on_gpu)).of("train_model", MAML).first_mb
    large = Sizes(study(large_on_gpu)).of("train_model", MAML).first_mb
    assert small > GPU_MB
    # but the data set is, as far as it was read
    assert large - small == pytest.approx(IMAGES * 3 * (84**2 - 16**2) / 1e6, abs=100)


def test_more_inner_steps_need_no_more_memory_unless_they_are_kept() -> None:
    def peak(steps: int, **compute: bool) -> float:
        def edit(content: dict[str, Any]) -> None:
            defaults(train_steps=steps, meta_batch=8)(content)
            content["compute"].update(compute)

        return trained(edit).peak_mb

    assert peak(10) == peak(1)
    assert peak(10, keep_activations=True) > 2 * peak(1, keep_activations=True)


def test_a_training_s_memory_is_that_of_its_validation_where_that_is_more() -> None:
    many = trained(lambda content: content["evaluation"].update(queries=35))
    assert many.peak_mb > trained().peak_mb


def test_however_it_is_said_that_the_support_normalises_it_takes_the_same_memory() -> None:
    of_options = defaults(network_options={"normalisation": "support"})
    assert trained(of_options) == trained(defaults(batch_norm="support")) != trained()


def test_the_study_file_s_word_replaces_the_estimate_key_by_key() -> None:
    def asked(content: dict[str, Any]) -> None:
        content["compute"]["resources"] = {
            "train_model": {"runtime": 7},
            "build_images": {"mem_mb": 9},
        }

    sizes, estimates = Sizes(study(asked)), Sizes(study())
    model = sizes.of("train_model", MAML)
    assert model.minutes == 7
    assert model.first_mb == estimates.of("train_model", MAML).first_mb
    assert model.resumes
    assert sizes.of("build_images").first_mb == 9
    assert sizes.of("measure_accuracy", MAML) == estimates.of("measure_accuracy", MAML)


@pytest.mark.parametrize(
    ("compute", "said"),
    [
        ({"jobs_per_gpu": 0}, "jobs_per_gpu"),
        ({"resources": {"train": {"runtime": 5}}}, "did you mean 'train_toy'|train_model"),
        ({"resources": {"train_model": {"memory": 5}}}, "mem_mb"),
        ({"resources": {"train_model": {"runtime": "2h"}}}, "runtime"),
    ],
)
def test_a_wrong_wish_is_refused(compute: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        study(lambda content: content["compute"].update(compute))


def test_where_jobs_go_is_in_no_job_s_parameters_and_no_result() -> None:
    """Else asking for more memory would train every model again."""
    placed = {"jobs_per_gpu": 3, "resources": {"train_model": {"mem_mb": 1}}}
    wished = study(lambda content: content["compute"].update(placed))
    assert wished.compute.jobs_per_gpu == 3
    assert wished.compute.resources.train_model == Resources(mem_mb=1)
    plain, wishful = (
        Measurements(Jobs(each, ROOT / "workflow_scripts")) for each in (study(), wished)
    )
    for table in plain.tables():
        assert wishful.files(table) == plain.files(table)
        assert wishful.study_of(table) == plain.study_of(table)
    assert wished.config == study().config


# ---- speeds --------------------------------------------------------------------------------------


def finished(seconds: float, edit: Any = lambda content: None) -> Study:
    """A study whose every training took so long, by the benchmarks it left here."""
    done = study(edit)
    for key in done.models:
        place = f"models/{key.protocol}/{key.dataset}/{key.variant}/5w1s/seed0/model.tsv"
        file = Path("results/smoke/benchmarks", place)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:00\t1\n", encoding="utf-8")
    return done


def test_a_study_s_own_benchmarks_say_how_fast_its_machine_is() -> None:
    speeds = Speeds.shipped().measured(finished(STARTUP + 10))
    plain = study()
    work = workload.of(plain, "train_model", asdict(MAML))
    assert speeds.seconds(plain, work) == pytest.approx(STARTUP + 10, rel=0.2)
    applied = speeds.applied(plain)
    assert "median of 6 jobs" in applied["train"].where
    assert applied["measure"] == Speeds.shipped().applied(plain)["measure"]


def test_a_continued_training_took_the_time_of_all_its_jobs() -> None:
    """On a cluster whose time limit is short, that is every training."""
    whole = finished(STARTUP + 100)
    expected = Speeds.shipped().measured(whole).applied(whole)["train"]
    done = finished(STARTUP + 10)
    for key in done.models:
        run = Path(key.fill(paths.MODEL, study=done.name)).with_name("run.json")
        run.parent.mkdir(parents=True)
        run.write_text('{"wall_seconds": 100, "earlier_seconds": 90}', encoding="utf-8")
    assert Speeds.shipped().measured(done).applied(done)["train"] == expected


def test_a_gpu_s_speed_does_not_tell_a_cpu_s() -> None:
    def on_gpu(content: dict[str, Any]) -> None:
        content["compute"]["device"] = "cuda:1"

    speeds = Speeds.shipped().measured(finished(STARTUP + 10, on_gpu))
    assert speeds.applied(study()) == Speeds.shipped().applied(study())
    assert "median" in speeds.applied(study(on_gpu))["train"].where


def test_threads_share_a_cpu_job_s_work() -> None:
    def threads(content: dict[str, Any]) -> None:
        content["compute"]["threads"] = 4
        content["protocols"]["p1"]["defaults"]["iterations"] = 60000

    def one(content: dict[str, Any]) -> None:
        content["protocols"]["p1"]["defaults"]["iterations"] = 60000

    seconds = [
        Speeds.shipped().seconds(each, workload.of(each, "train_model", asdict(MAML))) - STARTUP
        for each in (study(one), study(threads))
    ]
    assert seconds[0] == pytest.approx(4 * seconds[1])


def test_jobs_too_short_to_tell_are_refused() -> None:
    with pytest.raises(ConfigError, match="too short"):
        Speeds.shipped().measured(finished(STARTUP + 0.1))


def test_a_study_that_never_ran_is_refused() -> None:
    with pytest.raises(ConfigError, match="results/smoke/benchmarks has no job"):
        Speeds.shipped().measured(study())
