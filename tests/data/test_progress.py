"""Progress reports: what passes through, and what a log shows."""

from __future__ import annotations

import pytest

from innerloop.data import progress
from innerloop.data.progress import with_progress


def test_items_pass_through(capsys):
    assert list(with_progress(iter("abc"), 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err.startswith("letters: 3 in ")


def test_a_log_has_a_line_now_and_then(capsys, monkeypatch):
    clock = iter(range(0, 600, 6))  # the clock is read once at the start, then after each item
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(with_progress(range(4), 4, "pictures")) == [0, 1, 2, 3]
    assert capsys.readouterr().err.splitlines() == [
        "pictures: 2 of 4, 0/s, 12 s left",
        "pictures: 4 of 4, 0/s, 0 s left",
        "pictures: 4 in 30.0 s",
    ]


def test_errors_pass_through(capsys):
    def failing():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(with_progress(failing(), 2, "letters"))
    assert capsys.readouterr().err == ""


def test_a_terminal_has_a_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert list(with_progress(range(5), 5, "pictures")) == [0, 1, 2, 3, 4]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "5/5" in captured.err
