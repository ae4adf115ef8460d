"""The console script: it finds its commands, and says what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from innerloop import commands


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["innerloop", *arguments])
    commands.main()


def test_every_command_is_there_and_explains_itself(monkeypatch, capsys) -> None:
    for name in commands.COMMANDS:
        with pytest.raises(SystemExit) as ended:
            call(monkeypatch, name, "--help")
        assert not ended.value.code
        assert f"innerloop {name}" in capsys.readouterr().out


def test_without_a_command_it_lists_them(monkeypatch, capsys) -> None:
    call(monkeypatch)
    shown = capsys.readouterr().out
    assert all(f"innerloop {name} " in shown for name in commands.COMMANDS)


def test_an_unknown_command_is_named(monkeypatch) -> None:
    with pytest.raises(SystemExit, match="unknown command 'plann'"):
        call(monkeypatch, "plann")


def test_errors_are_one_message(monkeypatch) -> None:
    with pytest.raises(SystemExit, match=r"ConfigError: study file missing\.yaml"):
        call(monkeypatch, "plan", "--configfile", "missing.yaml")


def test_commands_are_loaded_when_asked_for() -> None:
    code = "import sys, innerloop.commands; assert 'innerloop.study.study' not in sys.modules"
    assert not subprocess.run([sys.executable, "-c", code], check=False).returncode
