"""Tests import the helpers beside this file by name (`import tiny`); torch computes on one core."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from innerloop.measurements.evidence import Evidence
from synthetic import STUDIES, write_tables

torch.set_num_threads(1)

# no test is about time, and a red run must be red again
settings.register_profile("innerloop", deadline=None, derandomize=True)
settings.load_profile("innerloop")


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
    return cache(lambda name: Evidence(tables_of(name), STUDIES[name][0]))


@pytest.fixture(scope="session")
def study_folder(tables_of, evidence_of, tmp_path_factory) -> Path:
    """Results of a study: what it measured, and some of its tables."""
    from innerloop.papers.making import tabulate  # matplotlib, which few tests need
    from shipped import TABLES

    folder = tmp_path_factory.mktemp("run")
    (folder / "aggregates").mkdir()
    for name, file in tables_of("full").items():
        (folder / f"aggregates/{name}.parquet").symlink_to(file)
    (folder / "study.json").write_text(json.dumps(STUDIES["full"][0]), encoding="utf-8")
    for name in ("p1_table1_accuracy", "accuracy", "claims"):
        table = TABLES[name]
        tabulate(table, evidence_of("full"), folder / "tables" / table.paper / table.name)
    return folder
