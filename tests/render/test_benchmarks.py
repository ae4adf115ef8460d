"""Wall time and memory as Snakemake writes them, with what it did not see."""

from __future__ import annotations

import math

import pytest

from innerloop.render.benchmarks import Benchmark, benchmarks, by_stage, memory

HEAD = "s\th:m:s\tmax_rss\tmax_vms\n"


@pytest.fixture
def folder(tmp_path):
    for name, seconds, rss in (
        ("models/p1/a", "100.5", "512.25"),
        ("models/p1/b", "50", "1900"),
        ("measurements/cka/p1/a", "3.2", "-"),
        ("measurements/cka/p1/b", "1.0", "NA"),
    ):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}{seconds}\t0:00:01\t{rss}\t1\n", encoding="utf-8")
    return tmp_path


def test_stages_sum_time_and_take_the_peak_of_memory(folder):
    assert by_stage(benchmarks(folder).values()) == [
        ["cka", "2", "4 s", "3 s", "–"],
        ["models", "2", "3 min", "2 min", "1.9 GB"],
    ]


def test_a_job_is_found_by_its_place(folder):
    assert benchmarks(folder)["models/p1/a"].megabytes == 512.25
    assert math.isnan(benchmarks(folder)["measurements/cka/p1/a"].megabytes)


def test_without_benchmarks_there_is_nothing(tmp_path):
    assert benchmarks(None) == benchmarks(tmp_path / "nowhere") == {}
    (tmp_path / "empty.tsv").write_text(HEAD, encoding="utf-8")
    assert math.isnan(benchmarks(tmp_path)["empty"].seconds)
    assert by_stage([Benchmark("models", math.nan, math.nan)]) == [["models", "1", "–", "–", "–"]]


def test_memory_is_printed_for_people():
    assert [memory(m) for m in (812.3, 12500, math.nan)] == ["812 MB", "12.5 GB", "–"]
