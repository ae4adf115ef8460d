"""What Python files said is kept between runs, and nothing of it outlives the text that said it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from innerloop.runtime.python_file import KEPT

DIGEST = """
import ast, sys
from innerloop.runtime.code_digest import code_digest

read = []
parse = ast.parse
ast.parse = lambda text, *a, **k: (read.append(k.get("filename")), parse(text, *a, **k))[1]
print(code_digest(sys.argv[1]), sum(name is not None for name in read))
"""


def digest(folder: Path) -> tuple[str, int]:
    """The digest of a program as another process computes it, and how many files that parses."""
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, "mine.py"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, parsed = done.stdout.split()
    return value, int(parsed)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder where Snakemake has run, with a program and a module beside it."""
    (tmp_path / ".snakemake").mkdir()
    (tmp_path / "mine.py").write_text(
        "import other\nfrom innerloop.runtime.errors import ConfigError\n"
    )
    (tmp_path / "other.py").write_text("x = 1\n")
    return tmp_path


def test_a_second_run_parses_nothing(project: Path) -> None:
    first, parsed = digest(project)
    assert parsed > 2
    assert digest(project) == (first, 0)


def test_only_what_is_edited_is_parsed_again(project: Path) -> None:
    first, _ = digest(project)
    (project / "other.py").write_text("x = 2\n")
    second, parsed = digest(project)
    assert second != first
    assert parsed == 1
    (project / "other.py").write_text("x = 1\n")
    assert digest(project) == (first, 0)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"readers": 1}', "\0"])
def test_what_cannot_be_read_is_made_anew(project: Path, content: str) -> None:
    first, parsed = digest(project)
    (project / KEPT).write_text(content)
    assert digest(project) == (first, parsed)
    assert digest(project) == (first, 0)


def test_of_another_reader_nothing_is_believed(project: Path) -> None:
    first, parsed = digest(project)
    text = (project / KEPT).read_text()
    (project / KEPT).write_text(text.replace(sys.version.split()[0], "3.9.0"))
    assert digest(project) == (first, parsed)


def test_nothing_is_written_where_snakemake_has_not_been(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 1\n")
    digest(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.py"]
