"""A part of the demo, run whole, gives the numbers of the reference that ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_run import Checkout

from innerloop.commands.reference import REFERENCE, ROUNDING, SAME, WITHIN, fits
from innerloop.measurements.finished import Finished

pytestmark = [pytest.mark.workflow, pytest.mark.long, pytest.mark.timeout(1800)]

#: Every kind of measurement, of a few models; laid over config/config.yaml, which has more.
PART: dict[str, Any] = {
    "study": "demo",
    "models": {
        "symbols_1shot": {"variants": ["scaled_lr", "untrained", "prototypes"]},
        "symbols_1shot_causes": {"variants": ["scaled_lr"]},
        "symbols_5shot": None,
        "people_1shot": None,
        "scripts_1shot": None,
        "step_sizes": {"variants": ["meta_sgd"]},
    },
    "toy": {"seeds": [0]},
}


def test_a_part_of_the_demo_fits_the_reference(tmp_path: Path) -> None:
    """On the machine that made it to the bit; on others within what seeds do."""
    checkout = Checkout(tmp_path / "checkout")
    checkout.write_study("part.yaml", PART)
    tables = sorted(file.stem for file in (REFERENCE / "aggregates").glob("*.parquet"))
    targets = [f"results/demo/aggregates/{table}.parquet" for table in tables]
    study = ("--configfile", "config/config.yaml", "part.yaml")
    checkout.run("results/demo/study.json", *targets, *study)
    found = [*fits(Finished.read(checkout.folder / "results/demo"))]
    assert {fit.table for fit in found} == set(tables)
    for fit in found:
        assert fit.verdict in (SAME, ROUNDING, WITHIN), f"{fit.table}: {fit.verdict}, {fit.worst}"
        assert fit.measured
