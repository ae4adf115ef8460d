"""Synthetic studies of several shapes, written once for all tests of the renderer."""

from __future__ import annotations

import warnings
from functools import cache

import pytest

from innerloop.extensions import load_entry
from innerloop.render.evidence import Evidence
from innerloop.render.registry import FIGURES
from innerloop.render.style import theme
from synthetic import STUDIES, write_tables


@pytest.fixture(scope="session")
def tables_of(tmp_path_factory):
    """Name of a study -> its tables' files, written when first asked for."""
    written = {}

    def tables(name):
        if name not in written:
            description, options = STUDIES[name]
            folder = tmp_path_factory.mktemp(name)
            written[name] = write_tables(folder, description, episodes=25, **options)
        return written[name]

    return tables


@pytest.fixture(scope="session")
def evidence_of(tables_of):
    """Name of a study -> its evidence."""
    return lambda name: Evidence(tables_of(name), STUDIES[name][0])


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
