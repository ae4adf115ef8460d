"""The registry is complete, light to read, and its code reaches no training code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from innerloop.measurements.schemas import SCHEMAS
from innerloop.papers.quantities import QUANTITIES
from innerloop.render.registry import FIGURES, TABLES, find
from innerloop.runtime.code_digest import modules_reached
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import check_entry, source_file

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
PRODUCTS = {**FIGURES, **TABLES}
UPPER_FLOORS = (
    "innerloop.training",
    "innerloop.probes",
    "innerloop.networks",
    "innerloop.engine",
    "innerloop.learners",
)


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_is_made_by_a_file_of_its_name(name):
    assert check_entry(PRODUCTS[name].entry).stem == name
    assert set(PRODUCTS[name].reads) <= set(SCHEMAS)
    assert PRODUCTS[name].paper in ("P1", "P2", "Innerloop")


def test_every_file_is_a_product():
    package = Path(source_file(FIGURES["p1_figure2_cka"].entry)).parents[1]
    files = {path.stem for kind in ("figures", "tables") for path in (package / kind).glob("*.py")}
    assert files - {"__init__"} == set(PRODUCTS)


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_claims_are_decided_from_is_read_by_their_tables(name):
    quantity = QUANTITIES[name]
    assert check_entry(quantity.entry).stem == "readings"
    for table in ("claims", "claim_comparisons", "p2_ttest_prototypes"):
        assert quantity.reads in TABLES[table].reads


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="p1_figure2_cka"):
        find(FIGURES, "p1_figure22")


def test_reading_the_registry_imports_nothing_heavy():
    heavy = ["pandas", "numpy", "matplotlib", "torch", "pyarrow", "scipy"]
    code = f"import sys, innerloop.render.registry; assert not set({heavy}) & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("script", ["draw_figure.py", "write_table.py", "write_report.py"])
def test_rendering_reaches_no_training_code(script):
    entries = [source_file(product.entry) for product in PRODUCTS.values()]
    reached = modules_reached(SCRIPTS / script, entries)
    assert not [module for module in reached if module.startswith(UPPER_FLOORS)]
    code = (SCRIPTS / script).read_text(encoding="utf-8")
    assert "torch" not in code


def test_rendering_imports_no_torch():
    modules = ", ".join(product.entry.partition(":")[0] for product in PRODUCTS.values())
    code = f"import sys, innerloop.render.report, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
