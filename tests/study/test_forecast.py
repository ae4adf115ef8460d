"""Seconds of every job: each rule of the workflow has some, and they follow what is asked for."""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.runtime.built_in import SOURCES
from innerloop.runtime.extensions import load_entry
from innerloop.study.forecast import LOCAL, Forecast
from innerloop.study.speeds import STARTUP, Speeds
from innerloop.study.study import Study
from innerloop.study.workload import BUILT_IN_IMAGES, IMAGES, OUTPUTS, images

ROOT = Path(__file__).resolve().parents[2]
SMOKE: dict[str, Any] = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
PAPER: dict[str, Any] = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
TOY = {"dataset": "digits", "arm": "unit_norm", "seed": "0"}


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Benchmarks are looked for under results/ of the working directory."""
    monkeypatch.chdir(tmp_path)


def smoke(**toy: Any) -> Study:
    content = copy.deepcopy(SMOKE)
    content["toy"].update(toy)
    return Study(content)


def test_every_rule_of_the_workflow_that_runs_a_script_has_seconds() -> None:
    rules = {
        rule
        for file in (ROOT / "rules").glob("*.smk")
        for rule in re.findall(r"^rule (\w+):", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert rules == {*LOCAL, *OUTPUTS}


def test_every_job_that_computes_has_seconds_by_wildcards_that_are_text() -> None:
    forecast = Forecast(smoke())
    for job in forecast.jobs:
        text = {name: str(value) for name, value in job.wildcards.items()}
        seconds = forecast.seconds(job.rule, text)
        assert STARTUP < seconds == forecast.seconds(job.rule, job.wildcards)


def test_targets_take_no_time_and_downloads_their_bytes() -> None:
    forecast = Forecast(Study(PAPER))
    assert forecast.seconds("all", {}) == 0
    small, large = (
        forecast.seconds("fetch_dataset", {"collection": name})
        for name in ("cifar_10_python", "cub_200_2011")
    )
    assert LOCAL["fetch_dataset"] < small < large


def test_the_toy_takes_as_long_as_its_images_do() -> None:
    """It was measured to take 6.5 s in the demo, where sixty thousand images were reckoned with."""
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    assert Forecast(Study(demo)).seconds("train_toy", TOY) == pytest.approx(6.5, rel=0.3)


@pytest.mark.parametrize("source", ["scripts", "digits"])
def test_the_images_of_built_in_sets_are_as_many_as_are_built(source: str) -> None:
    counted = Counter[str]()
    for entry in load_entry(SOURCES[source]).catalogue():
        counted[entry.split] += entry.count
    assert counted == BUILT_IN_IMAGES[source]


def test_images_of_the_registry_and_of_unknown_sources(tmp_path: Path) -> None:
    assert sum(images(Study(PAPER), "cub", "centre-84").values()) == 11_788
    (tmp_path / "mine.py").write_text("source = int()\n", encoding="utf-8")
    content = copy.deepcopy(SMOKE)
    content["datasets"]["symbols"]["source"] = "mine.py:source"
    assert sum(images(Study(content), "symbols", "16").values()) == IMAGES


@pytest.mark.parametrize(
    ("rule", "wildcards", "benchmark"),
    [
        (
            "build_images",
            {"dataset": "symbols", "store": "16"},
            "resources/benchmarks/images/symbols/16.tsv",
        ),
        (
            "train_toy",
            TOY,
            "results/smoke/benchmarks/measurements/toy/digits/unit_norm/seed0.tsv",
        ),
        (
            "measure_raw_pixels",
            {"dataset": "symbols", "setting": "5w1s"},
            "results/smoke/benchmarks/measurements/accuracy/baseline/raw_pixels/symbols/5w1s.tsv",
        ),
    ],
)
def test_own_benchmarks_of_every_kind_are_taken(
    rule: str, wildcards: dict[str, str], benchmark: str
) -> None:
    file = Path(benchmark)
    file.parent.mkdir(parents=True)
    file.write_text("s\th:m:s\tmax_rss\n123\t0:02:03\t1\n", encoding="utf-8")
    assert Forecast(smoke()).seconds(rule, wildcards) == pytest.approx(123)
    shipped = Forecast(smoke(), Speeds.shipped()).seconds(rule, wildcards)
    assert shipped != pytest.approx(123)
