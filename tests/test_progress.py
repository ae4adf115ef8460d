"""Progress reports: what a log shows, and what a terminal shows."""

from __future__ import annotations

from innerloop import progress
from innerloop.progress import ByteProgress, Progress


def test_a_log_has_a_line_now_and_then_and_a_last_one(capsys, monkeypatch):
    clock = iter(range(0, 600, 6))  # the clock is read once at the start, then at each advance
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with Progress("training", 5) as shown:
        for step in range(5):
            shown.advance(loss=float(step))
    assert capsys.readouterr().err.splitlines() == [
        "training: 2/5  0.17/s  18 s left  loss 1.000",
        "training: 4/5  0.17/s  6 s left  loss 3.000",
        "training: 5/5  0.17/s  0 s left  loss 4.000",
    ]


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
    assert [line.partition("  ")[0] for line in lines] == ["birds.tgz, MB: 3/3"]
