"""The documentation as a site: every page and public name is on it, and no link leads nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

import innerloop

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def _pages(entries: list[dict[str, object]]) -> list[str]:
    return [
        page
        for entry in entries
        for place in entry.values()
        for page in (_pages(place) if isinstance(place, list) else [str(place)])
    ]


def test_every_page_is_in_the_contents():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    left_out = tuple(site["exclude_docs"].split())
    assert sorted(_pages(site["nav"])) == sorted(p for p in pages if not p.startswith(left_out))


def test_every_public_name_is_on_the_page_of_python():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = {line.removeprefix("::: ") for line in text.splitlines() if line.startswith("::: ")}
    for name in innerloop.__all__[1:]:
        value = getattr(innerloop, name)
        assert f"{value.__module__}.{name}" in named


@pytest.mark.long
@pytest.mark.skipif(find_spec("mkdocstrings") is None, reason="needs the extra docs")
def test_the_site_is_built_without_a_warning(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # as the Makefile does
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    assert "Slow weights" in (tmp_path / "api.html").read_text(encoding="utf-8")
