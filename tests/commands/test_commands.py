"""The console script finds its commands, and says what there is."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest

from innerloop.commands import COMMANDS, folder_of, main, wait
from innerloop.runtime import failure
from innerloop.runtime.extensions import load_entry


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


def test_an_error_that_nobody_foresaw_is_one_line_and_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(wait, "local_jobs", {}.__getitem__)
    monkeypatch.setattr(failure, "users_entries", list)  # of other tests
    with pytest.raises(SystemExit) as ended:
        main(["wait"])
    said = ended.value.code
    assert said.startswith("innerloop wait: KeyError: ")
    assert ". Please report this, with " in said
    assert "\n" not in said
    (file,) = tmp_path.glob("innerloop-wait-*.txt")
    assert said.endswith(str(file))
    assert "Traceback" in file.read_text(encoding="utf-8")


def test_a_user_s_own_line_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "mine.py").write_text("def ended(argv):\n    return 1 / 0\n", encoding="utf-8")
    monkeypatch.setattr(wait, "main", load_entry("mine.py:ended"))
    with pytest.raises(SystemExit, match=r"^mine.py, line 2, in ended:\n") as ended:
        main(["wait"])
    assert "Traceback" not in str(ended.value)
    assert "report" not in str(ended.value)


def test_a_reader_that_has_read_enough_is_no_error():
    code = "from innerloop.commands import main; main(['schema', 'study'])"
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} | true",
        shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""


def test_the_usage_imports_nothing_heavy():
    code = (
        "import sys; from innerloop.commands import main; main([]);"
        "assert not {'torch', 'pandas', 'pyarrow', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_it_is_a_module_too():
    done = subprocess.run(
        [sys.executable, "-m", "innerloop", "--version"], capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == f"innerloop {version('innerloop')}"


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


@pytest.mark.parametrize(
    ("there", "study", "folder"),
    [
        (["results/mine", "mine"], "mine", "results/mine"),
        (["results/mine"], "results/mine", "results/mine"),
        (["mine"], "mine", "mine"),
        (["docs/results/mine"], "docs/results/mine", "docs/results/mine"),
        ([], "mine", "results/mine"),
        ([], "results/mine", "results/mine"),
    ],
)
def test_a_study_is_meant_by_its_name_or_its_folder(
    there, study, folder, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for each in there:
        Path(each).mkdir(parents=True)
    assert folder_of(study) == Path(folder)
