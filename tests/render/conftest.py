"""Drawings of synthetic studies, each made once for all tests of the renderer."""

from __future__ import annotations

import warnings
from functools import cache

import pytest
from products import write_report

from innerloop.measurements.evidence import Evidence
from innerloop.render.style import theme
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES
from synthetic import describe, write_tables


@pytest.fixture
def uneven(tmp_path):
    """Two variants that learn step sizes: one trained half as long, and started from a range."""
    description = describe(("maml",), ("maml", "meta_sgd", "my_sgd"), others=())
    for model in description["models"]:
        if model["variant"] == "my_sgd":
            model |= {"iterations": 100, "step_size": [0.005, 0.1]}
    tables = write_tables(tmp_path, description, episodes=5, omit=("cka", "training"))
    return Evidence(tables, description)


@pytest.fixture
def per_step(tmp_path):
    """Two variants that learn step sizes: of each weight, and of each tensor and inner step."""
    description = describe(("maml",), ("maml", "meta_sgd", "my_sgd"), others=())
    for model in description["models"]:
        if model["variant"] == "my_sgd":
            model |= {"learn_step_size": "step_and_layer", "step_size_lower_bound": 0}
    tables = write_tables(tmp_path, description, episodes=5, omit=("cka", "training"))
    return Evidence(tables, description)


@pytest.fixture(scope="session")
def drawing_of(evidence_of):
    """The drawing of a figure for a study; drawn once, warnings are errors."""

    @cache
    def drawing(name, study):
        with warnings.catch_warnings(), theme():
            warnings.simplefilter("error")
            drawn = load_entry(FIGURES[name].entry)(evidence_of(study))
            drawn.figure.draw_without_rendering()
        return drawn

    return drawing


@pytest.fixture(scope="session")
def report_file(tables_of, tmp_path_factory):
    """The report of the full synthetic study."""
    return write_report(tables_of("full"), tmp_path_factory.mktemp("report"))


@pytest.fixture
def report(report_file):
    """Its text."""
    return report_file.read_text(encoding="utf-8")
