"""PDF from LaTeX, where LaTeX is installed: equal sources give equal bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from innerloop.runtime.errors import LatexError
from innerloop.runtime.files import atomic_path

PROGRAM = "pdflatex"
#: The most runs, until page numbers and column widths of long tables have settled.
MOST_RUNS = 6

INSTALL = (
    "LaTeX is not installed: there is no program pdflatex. Install it, then run again.\n"
    "  Debian, Ubuntu: apt-get install texlive-latex-base texlive-latex-recommended "
    "texlive-fonts-recommended\n"
    "  Fedora: dnf install texlive-collection-latexrecommended "
    "texlive-collection-fontsrecommended\n"
    "  macOS: brew install --cask basictex\n"
    "  anywhere, without root: TinyTeX (https://yihui.org/tinytex/)\n"
    "Everything but report.pdf works without it; report.html holds the same."
)


def require_latex() -> None:
    """Check that LaTeX is installed.

    Raises:
        LatexError: it is not; says how to install it.
    """
    if shutil.which(PROGRAM) is None:
        raise LatexError(INSTALL)


def write_pdf(source: str, out: Path | str, included: Mapping[str, Path]) -> None:
    """Compile LaTeX to a PDF file, atomically.

    Args:
        source: the document.
        out: the file.
        included: graphics by the name that the document calls them, without suffix.

    Raises:
        LatexError: LaTeX is not installed, or does not accept the document.
    """
    require_latex()
    with tempfile.TemporaryDirectory(prefix="innerloop-") as folder:
        work = Path(folder)
        (work / "report.tex").write_text(source, encoding="utf-8")
        for name, path in included.items():
            shutil.copy(path, work / f"{name}{path.suffix}")
        for _ in range(MOST_RUNS):
            before = _auxiliary(work)
            _run(work)
            if _auxiliary(work) == before:
                break
        with atomic_path(out) as temporary:
            shutil.copy(work / "report.pdf", temporary)


def _auxiliary(work: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(work.glob("report.[ao]u[xt]"))]


def _run(work: Path) -> None:
    # no dates in the document, no programs run by it
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    options = ["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run(
        [PROGRAM, *options, "report.tex"],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        errors = done.stdout[done.stdout.find("\n!") :].strip()[:2000] or done.stdout[-2000:]
        raise LatexError(f"{PROGRAM} does not accept the report:\n{errors}")
