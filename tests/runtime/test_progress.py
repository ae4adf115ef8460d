"""Progress reports: what a log shows, and what a terminal shows."""

from __future__ import annotations

import time

import pytest

from innerloop.runtime import progress
from innerloop.runtime.progress import ByteProgress, Progress, duration, reached


def test_a_log_has_a_line_now_and_then_and_a_last_one(capsys, monkeypatch):
    clock = iter(range(0, 600, 6))  # the clock is read once at the start, then at each advance
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with Progress("training", 5) as shown:
        for step in range(5):
            shown.advance(loss=float(step))
    lines = [line.split("  ", 1) for line in capsys.readouterr().err.splitlines()]
    assert [rest for _, rest in lines] == [
        "training: 2/5  0.17/s  18 s left  loss 1.000",
        "training: 4/5  0.17/s  6 s left  loss 3.000",
        "training: 5/5  0.17/s  0 s left  loss 4.000",
    ]
    assert all(time.strptime(clock, "%H:%M:%S") for clock, _ in lines)


def test_continued_work_has_the_rate_of_what_was_done_now(capsys, monkeypatch):
    clock = iter([0, 20])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with Progress("training", 100, done=90) as shown:
        shown.advance(2)
    assert "92/100  0.10/s  80 s left" in capsys.readouterr().err


def test_quiet_says_nothing(capsys):
    with Progress("pictures", 1, quiet=True) as shown:
        shown.advance()
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress("pictures", 5) as shown:
        shown.advance(5, accuracy=0.5)
    assert "5/5" in capsys.readouterr().err


def test_bytes_are_shown_as_megabytes_once_each(capsys):
    with ByteProgress("birds.tgz", 3_500_000, done=1_000_000) as shown:
        for position in (1_200_000, 3_100_000, 3_400_000, 3_500_000):
            shown.reach(position)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["birds.tgz, MB: 3/3"]


@pytest.mark.parametrize(
    "name",
    ["p2 maml on symbols 5w1s, seed 3", "birds: all of them.tgz, MB", "3/4 of 日本  images: 1/2"],
)
def test_what_a_log_says_last_is_read_back(capsys, tmp_path, name):
    with Progress(name, 400, done=100, line_seconds=0) as shown:
        for step in range(3):
            shown.advance(50, loss=step, accuracy=-0.25, validation=float("1e-9"))
    log = tmp_path / "log"
    log.write_text("x" * 10_000 + "\n" + capsys.readouterr().err + "saved: 3/4 of it\n")
    found = reached(log)
    assert (found.what, found.done, found.total) == (name, 250, 400)
    assert found.figures == {"loss": 2.0, "accuracy": -0.25, "validation": 0.0}


@pytest.mark.parametrize("figure", [float("nan"), float("inf")])
def test_figures_that_are_not_finite_are_read_back(capsys, tmp_path, figure):
    with Progress("training", 2) as shown:
        shown.advance(2, loss=figure)
    (tmp_path / "log").write_text(capsys.readouterr().err)
    assert str(reached(tmp_path / "log").figures["loss"]) == str(figure)


def test_a_log_without_progress_says_nothing(tmp_path):
    assert reached(tmp_path / "not there") is None
    (tmp_path / "log").write_bytes(b"\xff\xfe: 3/4\n")
    assert reached(tmp_path / "log") is None


def test_lengths_of_time_as_people_say_them():
    seconds = [0, 45.4, 99, 100, 3600, 6000, 86400, 2 * 86400]
    assert list(map(duration, seconds)) == [
        "0 s", "45 s", "99 s", "2 min", "60 min", "1.7 h", "24.0 h", "2.0 d",
    ]  # fmt: skip
