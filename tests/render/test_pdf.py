"""The report as a PDF: LaTeX accepts it, no page is empty, and without LaTeX one is told how."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import matplotlib.figure
import pytest

from innerloop.render.drawing import Drawing
from innerloop.render.files import write_drawing, write_tabulation
from innerloop.render.latex import booktabs
from innerloop.render.latex_report import latex_report
from innerloop.render.long_table import SIZES, long_table
from innerloop.render.pdf import require_latex, write_pdf
from innerloop.runtime.errors import LatexError
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES, TABLES, about
from synthetic import STUDIES

HOSTILE = r"\input{x} $a^2$ 50 % & #1 _b_ ~ é ε “q” 中 ‖w‖² ≥ → <script>"

needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None or shutil.which("pdftotext") is None,
    reason="needs pdflatex and pdftotext (texlive-latex-recommended, texlive-fonts-recommended, "
    "poppler-utils)",
)


def pages(path):
    """The text of every page of a PDF."""
    done = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


@pytest.fixture(scope="module")
def source(evidence_of, tmp_path_factory):
    """The LaTeX of a report with every table and figure, and what it includes."""
    folder = tmp_path_factory.mktemp("latex")
    figure = matplotlib.figure.Figure(figsize=(7, 3))
    figure.subplots().plot([1, 2])
    for name in FIGURES:
        write_drawing(Drawing(figure, HOSTILE, "A line."), about(FIGURES[name]), folder / name)
    for table in TABLES:
        made = load_entry(TABLES[table].entry)(evidence_of("full"))
        write_tabulation(made, about(TABLES[table]), folder / table)
    (folder / "model.json").write_text(
        json.dumps({"versions": {"torch": "2.13"}}), encoding="utf-8"
    )
    return latex_report(
        STUDIES["full"][0],
        HOSTILE,
        [folder / f"{name}.json" for name in FIGURES],
        [folder / f"{table}.json" for table in TABLES],
        [folder / "model.json"],
    )


@pytest.fixture(scope="module")
def printed(source, tmp_path_factory):
    """The report as PDF."""
    text, included = source
    out = tmp_path_factory.mktemp("pdf") / "report.pdf"
    write_pdf(text, out, included)
    return out


@needs_latex
def test_no_page_is_empty(printed):
    found = pages(printed)
    assert len(found) > 5
    assert all(len(page.split()) > 15 for page in found)


def test_it_says_what_the_papers_ask(source):
    assert "Meta-SGD learns a step size for every parameter" in " ".join(source[0].split())


@needs_latex
def test_it_holds_claims_numbers_and_provenance(printed):
    text = " ".join(" ".join(pages(printed)).split())
    for said in (
        "Scaled LR beats MAML on miniImageNet",
        "These are stand-in data",
        "Every published number beside ours",
        "47.8 ± 1.0",
        "Probe: sharpness",
        "Images have 28 pixels a side, networks 32 filters a layer, trainings 200 outer iterations",
        "torch 2.13",
        r"\input{x} $a^2$ 50 % & #1 _b_",
        "[U+4E2D]",
    ):
        assert said in text, said


@needs_latex
def test_equal_sources_give_equal_bytes(printed, source, tmp_path):
    text, included = source
    write_pdf(text, tmp_path / "again.pdf", included)
    assert (tmp_path / "again.pdf").read_bytes() == printed.read_bytes()


def require_nothing_sticks_out(path):
    """Every word lies within its page, upright or turned; how each page is turned."""
    about = subprocess.run(["pdfinfo", "-l", "99", path], capture_output=True, check=True)
    turned = re.findall(r"Page +\d+ rot: +(\d+)", about.stdout.decode())
    done = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, check=True)
    found = re.split(r"<page ", done.stdout.decode())[1:]
    assert len(found) == len(turned)
    for page, rotation in zip(found, turned, strict=True):
        side = "width" if rotation == "0" else "height"
        size = float(re.search(rf'{side}="([\d.]+)"', page)[1])
        assert max(map(float, re.findall(r'xMax="([\d.]+)"', page))) < size - 28
    return set(turned)


@needs_latex
def test_nothing_sticks_out_of_the_page(printed):
    assert require_nothing_sticks_out(printed) >= {"0", "90"}


@needs_latex
@pytest.mark.parametrize("name", TABLES)
def test_every_table_s_file_names_what_it_needs_and_fits_its_page(name, evidence_of, tmp_path):
    made = load_entry(TABLES[name].entry)(evidence_of("users_method"))
    write_tabulation(made, about(TABLES[name]), tmp_path / name)
    text = (tmp_path / f"{name}.tex").read_text(encoding="utf-8")
    needs = text.partition("\n")[0].removeprefix("% needs ")
    document = (
        "\\documentclass[a4paper]{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{mathpazo}\n"
        f"\\usepackage[margin=2cm]{{geometry}}\n{needs}\n"
        f"\\begin{{document}}\n{text}\\end{{document}}\n"
    )
    write_pdf(document, tmp_path / "table.pdf", {})
    assert all(page.strip() for page in pages(tmp_path / "table.pdf"))
    require_nothing_sticks_out(tmp_path / "table.pdf")
    assert f"\\label{{tab:{TABLES[name].paper}_{TABLES[name].name}}}" in text


@needs_latex
def test_what_latex_does_not_accept_is_shown_and_nothing_is_left(tmp_path):
    out = tmp_path / "report.pdf"
    out.write_text("the one before", encoding="utf-8")
    with pytest.raises(LatexError, match="Undefined control sequence"):
        write_pdf(r"\documentclass{article}\begin{document}\nosuch\end{document}", out, {})
    assert out.read_text(encoding="utf-8") == "the one before"
    assert [*tmp_path.iterdir()] == [out]


def test_without_latex_one_is_told_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LatexError, match="apt-get install texlive-latex-base"):
        require_latex()


def test_text_is_escaped_everywhere(source):
    text, _ = source
    assert "\\input{x}" not in text
    assert "中" not in text


def test_wide_tables_are_wrapped_then_turned():
    short = long_table("T", "c", ["a", "b"], [["1", "2"]])
    assert "p{" not in short
    assert "landscape" not in short
    assert SIZES[r"\small"]
    long = long_table("T", "c", ["a", "b"], [["x " * 80, "1"]])
    assert "p{" in long
    assert "landscape" not in long
    wide = long_table("T", "c", list("abcdefghijkl"), [["word word word"] * 12])
    assert "landscape" in wide
    assert "not measured" in long_table("T", "c", ["a"], [])


def test_the_best_value_is_bold():
    assert r"\textbf{2}" in long_table("T", "c", ["a", "b"], [["1", "2"]], bold={(0, 1)})
    assert r"\textbf{2}" in booktabs("c", ["b"], [["2"]], bold={(0, 0)})
