"""The console script finds its commands, and says what there is."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from innerloop.commands import COMMANDS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert not ended.value.code
    assert f"innerloop {name}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_it_says_what_there_is(arguments, capsys):
    main(arguments)
    said = capsys.readouterr().out
    assert all(name in said and about in said for name, about in COMMANDS.items())


def test_an_unknown_command_is_refused_with_the_known_ones():
    with pytest.raises(SystemExit, match=r"(?s)no command 'comapre'.*compare"):
        main(["comapre"])


def test_errors_for_people_have_no_traceback(tmp_path):
    with pytest.raises(SystemExit, match=r"ConfigError: .*holds no finished study"):
        main(["compare", str(tmp_path), str(tmp_path)])


def test_the_usage_imports_nothing_heavy():
    code = (
        "import sys; from innerloop.commands import main; main([]);"
        "assert not {'torch', 'pandas', 'pyarrow', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_schema_says_unit_range_and_what_is_allowed(capsys):
    main(["schema", "accuracy"])
    said = capsys.readouterr().out
    for text in (
        "(fraction)",
        "; 0 to 1",
        "at least 0",
        "one of test, train, val",
        "queries",
        "integer",
    ):
        assert text in said
    main(["schema"])
    assert "a probe of your own" in capsys.readouterr().out


def test_a_mistyped_table_is_refused_and_a_probe_of_one_s_own_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"no table 'acuracy'.*did you mean 'accuracy'\?"):
        main(["schema", "acuracy"])
    with pytest.raises(SystemExit, match=r"no table 'sharpness'"):
        main(["schema", "sharpness"])
    (tmp_path / "results/mine/measurements/sharpness").mkdir(parents=True)
    main(["schema", "sharpness"])
    assert "sharpness (a probe of your own)" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"did you mean 'sharpness'\?"):
        main(["schema", "sharpnes"])


def test_it_says_its_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"innerloop {version('innerloop')}\n"
