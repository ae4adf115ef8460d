"""A run that is watched from its files alone."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from innerloop.commands import main
from innerloop.commands.watch import picture, sparkline
from innerloop.display.announced import announce_jobs, announce_study
from innerloop.display.watched import Watched, validation
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.last_run import NOTED
from innerloop.study import paths
from innerloop.study.overlays import merged_study
from innerloop.study.study import Study

SMOKE = Path(__file__).parents[2] / "config/smoke.yaml"
STARTED = 1_800_000_000


class Files:
    """A run of the trainings of the smoke study, as its files have it."""

    def __init__(self) -> None:
        self.study = Study(merged_study([SMOKE]))
        self.models = list(self.study.models)
        jobs = [self._job(number) for number in range(len(self.models))]
        announce_study(self.study)
        announce_jobs(
            SimpleNamespace(
                dag=SimpleNamespace(needrun_jobs=lambda: jobs),
                global_resources={"_cores": 2},
                local_exec=True,
            )
        )
        os.utime(NOTED.format(study="smoke"), (STARTED, STARTED))

    def _job(self, number: int) -> SimpleNamespace:
        wildcards = {name: str(value) for name, value in asdict(self.models[number]).items()}
        return SimpleNamespace(
            jobid=number, threads=1, resources={}, is_local=False,
            rule=SimpleNamespace(name="train_model", message="Train {wildcards.variant}"),
            wildcards=SimpleNamespace(**wildcards), wildcards_dict=wildcards,
            log=[f"{number}.log"], output=[self.output(number)],
        )  # fmt: skip

    def output(self, number: int) -> str:
        return self.models[number].fill(paths.MODEL, study="smoke")

    def log(self, number: int, *lines: str, at: int = STARTED + 60) -> None:
        begins = "12:00:00  train begins on node07, 2027-01-15"
        self._write(Path(f"{number}.log"), "\n".join([begins, *lines, ""]), at)

    def finish(self, number: int, at: int = STARTED + 90) -> None:
        self._write(Path(self.output(number)), "{}", at)

    def curve(self, number: int, *rows: str) -> None:
        file = Path(self.models[number].fill(paths.CURVE, study="smoke"))
        self._write(file, "\n".join(["split,iteration,accuracy", *rows, ""]), STARTED)

    def _write(self, file: Path, text: str, at: int) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        os.utime(file, (at, at))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    yield Files()
    announce_study(None)  # type: ignore[arg-type]


def test_logs_and_outputs_say_what_runs_where_and_what_is_done(files):
    watched = Watched(clock=lambda: STARTED + 100)
    files.log(0)
    files.finish(0)
    files.log(1, "12:01:00  it: 89/200  8.78/s  13 s left  loss 1.387  accuracy 0.395")
    files.log(2, "FAILED in Innerloop:", "RuntimeError: no")
    files.finish(3, at=STARTED - 5)  # of an earlier run
    watched.look()
    run = watched.run
    assert (run.finished, [*run.running], [*run.failed]) == (1, [1], [2])
    assert watched.hosts[1] == "node07"
    assert run.left_of(run.running[1]) == pytest.approx((200 - 89) / 8.78)
    files.finish(1)
    files.log(
        2, "FAILED in Innerloop:", "RuntimeError: no", "12:02:00  train begins on b, 2027-01-15"
    )
    watched.look()
    assert (run.finished, [*run.running], [*run.failed]) == (2, [2], [])
    assert watched.hosts[2] == "b"


def test_once_prints_lines_for_a_log(files, capsys):
    files.log(1, "12:01:00  it: 89/200  8.78/s  13 s left  loss 1.387  accuracy 0.395")
    main(["watch", "smoke", "--once"])
    head, running = capsys.readouterr().out.splitlines()
    assert head.startswith("smoke: ")
    assert head.endswith(f"0 of {len(files.models)} jobs, 1 running on node07")
    variant = files.models[1].variant
    assert running.startswith(
        f"    Train {variant}, on node07: iteration 89/200, 8.78/s, 13 s left"
    )


def test_a_pipe_gets_lines_while_the_run_goes_on(files, capsys, monkeypatch):
    files.log(1, "12:01:00  it: 89/200  8.78/s  13 s left  loss 1.387  accuracy 0.395")
    told = []

    def finish(seconds):
        told.append(capsys.readouterr().out)
        for number in range(len(files.models)):
            files.finish(number)

    monkeypatch.setattr("innerloop.display.watched.may_run", lambda folder: True)
    monkeypatch.setattr("innerloop.commands.watch.time.sleep", finish)
    main(["watch"])
    assert "on node07: iteration 89/200" in told[0]


def test_when_all_is_done_the_page_is_shown_once_more(files, capsys):
    for number in range(len(files.models)):
        files.finish(number)
        files.curve(number, "val,0,0.2", "train,1,0.9", "val,2,0.425")
    main(["watch"])
    said = capsys.readouterr().out
    assert "▁█" in said
    assert "42.5 %" in said
    assert said.endswith("smoke: all is done\n")


def test_what_trains_comes_first_and_what_has_no_room_is_counted(files, capsys):
    files.log(1, "12:01:00  it: 89/200  8.78/s  13 s left  loss 1.387  accuracy 0.395")
    for number in (0, 2, 3):
        files.finish(number)
        files.curve(number, "val,0,0.2")
    watched = Watched()
    watched.look()
    Console(width=160).print(picture(watched, height=8))
    *_, first, second, more = capsys.readouterr().out.rstrip().splitlines()
    assert files.models[1].variant in first
    assert "node07" in first
    assert "89/200" in first
    assert files.models[0].variant in second
    assert more.strip() == "and 2 more"


def test_a_study_that_was_not_run_is_refused_with_those_that_were(files):
    with pytest.raises(ConfigError, match=r"no run of study 'demo' .* there are runs of smoke"):
        Watched("demo")


def test_without_a_curve_there_is_no_validation(tmp_path):
    assert validation(tmp_path / "training.csv") == []


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=100), st.integers(1, 30))
def test_a_sparkline_fits_and_ends_where_the_curve_does(values, width):
    line = sparkline(values, width)
    finite = [value for value in values if math.isfinite(value)]
    assert len(line) <= min(width, len(values))
    if len(values) <= width and len(set(finite)) > 1:
        assert line[values.index(min(finite))] == "▁"
        assert line[values.index(max(finite))] == "█"
