"""A folder of figures, tables and claims: what it must say, and how light it is to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from innerloop.measurements.schemas import SCHEMAS
from innerloop.papers.paper import COLUMNS, SWEEPS, VERDICTS, read_paper
from innerloop.runtime.code_digest import modules_reached
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import check_entry, source_file
from shipped import FIGURES, TABLES

ROOT = Path(__file__).parents[2]
SCRIPTS, LIBRARY = ROOT / "workflow_scripts", ROOT / "lib/innerloop"
PRODUCTS = {**FIGURES, **TABLES}
FIGURE = 'TITLE = "Mine"\nREADS = ["cka"]\n\n\ndef draw(evidence):\n    return None\n'
UPPER_FLOORS = (
    "innerloop.training",
    "innerloop.probes",
    "innerloop.networks",
    "innerloop.engine",
    "innerloop.learners",
)


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_is_made_by_a_file_of_its_name(name):
    assert check_entry(PRODUCTS[name].entry).stem == PRODUCTS[name].name.removesuffix("_fuller")
    assert set(PRODUCTS[name].reads) <= {*SCHEMAS, *VERDICTS, SWEEPS}


def test_what_draws_knows_no_paper():
    for path in (LIBRARY / "render").rglob("*.*"):
        if path.suffix in (".py", ".html", ".tex", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            for word in ('"p1"', '"p2"', "P1", "P2", "mini_imagenet", "miniImageNet"):
                assert word not in text, f"{path}: {word}"


def test_reading_a_paper_imports_nothing_heavy():
    heavy = ["pandas", "numpy", "matplotlib", "torch", "pyarrow", "scipy"]
    code = (
        "import sys, innerloop.papers.paper as paper\n"
        "for name in paper.built_in_papers(): paper.read_paper(name)\n"
        f"assert not set({heavy}) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("script", ["draw_figure.py", "write_table.py", "write_report.py"])
def test_rendering_reaches_no_training_code(script):
    entries = [source_file(product.entry) for product in PRODUCTS.values()]
    reached = modules_reached(SCRIPTS / script, entries)
    assert not [module for module in reached if module.startswith(UPPER_FLOORS)]
    assert "torch" not in (SCRIPTS / script).read_text(encoding="utf-8")


def test_rendering_imports_no_torch():
    modules = ", ".join(product.entry.partition(":")[0] for product in PRODUCTS.values())
    code = f"import sys, innerloop.render.report, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def folder(tmp_path, **files):
    """A paper's folder with a title and some files."""
    for name, text in {"paper.yaml": "title: Mine\n", **files}.items():
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(tmp_path / "mine")


def test_a_folder_has_the_products_of_its_files(tmp_path):
    place = folder(tmp_path, **{"figures/heads.py": FIGURE, "figures/_shared.py": "X = 1\n"})
    paper = read_paper(place)
    (figure,) = paper.figures
    assert (figure.paper, figure.name, figure.title) == ("mine", "heads", "Mine")
    assert figure.reads == ("cka",)
    assert paper.tables == ()


def test_without_a_label_a_paper_is_called_as_its_folder_is(tmp_path):
    assert read_paper(folder(tmp_path)).facts.label == "mine"
    assert read_paper("p1").facts.label == "P1"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("figures/heads.py", FIGURE.replace("TITLE", "NAME"), "heads.py does not say TITLE"),
        ("figures/heads.py", FIGURE.replace('["cka"]', '"cka"'), "heads.py does not say READS"),
        ("figures/heads.py", f"FULLER = 1\n{FIGURE}", "heads.py does not say FULLER"),
        ("figures/heads.py", FIGURE.replace("draw", "plot"), "defines no function draw"),
        ("tables/heads.py", FIGURE, "defines no function tabulate"),
        ("figures/heads.py", "def draw(:\n", "heads.py, line 1"),
        ("paper.yaml", "titel: Mine\n", "paper.yaml: unknown key 'titel'.*did you mean 'title'"),
        ("paper.yaml", "title: [Mine\n", "paper.yaml"),
        ("figures/Heads-1.py", FIGURE, "Heads-1.py: .* lower-case letters, digits and _"),
        ("published.csv", "item,metric\n", "published.csv lacks the columns train_dataset, eval"),
        (
            "published.csv",
            f"{','.join(COLUMNS)}\n{','.join(COLUMNS).replace('metric', 'acuracy')}\n",
            "published.csv, line 2: metric 'acuracy' is unknown; did you mean 'accuracy'",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_words(tmp_path, file, text, said):
    with pytest.raises(ConfigError, match=said):
        read_paper(folder(tmp_path, **{file: text}))


def test_a_figure_and_a_table_have_two_names(tmp_path):
    table = FIGURE.replace("draw", "tabulate")
    place = folder(tmp_path, **{"figures/heads.py": FIGURE, "tables/heads.py": table})
    with pytest.raises(ConfigError, match="2 figures or tables are called 'heads'"):
        read_paper(place)


def test_a_file_with_a_fuller_title_makes_a_second_figure_of_every_variant(tmp_path):
    text = f'FULLER = "Mine, every method"\n{FIGURE}'
    paper = read_paper(folder(tmp_path, **{"figures/heads.py": text}))
    made = [(figure.name, figure.title, figure.shows) for figure in paper.figures]
    assert made == [("heads", "Mine", "own"), ("heads_fuller", "Mine, every method", "fuller")]
    assert len({figure.entry for figure in paper.figures}) == 1
    other = folder(tmp_path / "two", **{"figures/a.py": text, "figures/a_fuller.py": FIGURE})
    with pytest.raises(ConfigError, match="called 'a_fuller'"):
        read_paper(other)


def test_a_paper_s_figures_show_its_methods_and_second_ones_every_method():
    figures = [figure for paper in ("p1", "p2") for figure in read_paper(paper).figures]
    assert [figure.name for figure in figures if figure.shows == "all"] == ["figure7_toy"]  # arms


def test_an_unknown_paper_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match=r"'p3' is unknown; known are p1, p2, questions.*\./p3"):
        read_paper("p3")
    with pytest.raises(ConfigError, match="no folder"):
        read_paper(str(tmp_path / "none"))


def test_a_table_keeps_its_name_where_measurements_are_called_so_too():
    own = read_paper("own")
    assert own.product("tables", "accuracy", probes=["accuracy"]).title == TABLES["accuracy"].title
    assert own.product("tables", "sharpness", probes=["sharpness"]).title == "Probe: sharpness"
