"""The console script finds its commands, and says what there is."""

from __future__ import annotations

import subprocess
import sys

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
    main(["schema", "acuracy"])
    assert "acuracy (a probe of your own)" in capsys.readouterr().out
