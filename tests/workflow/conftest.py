"""Studies that are run once and looked at by many tests."""

from __future__ import annotations

import pytest
from study_run import SMALL_TARGETS, Checkout, small_study


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The whole smoke study, run once."""
    checkout = Checkout(tmp_path_factory.mktemp("smoke") / "innerloop")
    checkout.run("--configfile", "config/smoke.yaml")
    return checkout


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The two-method study, run once."""
    checkout = Checkout(tmp_path_factory.mktemp("small") / "innerloop")
    checkout.write_study("small.yaml", small_study())
    checkout.run(*SMALL_TARGETS, "--configfile", "small.yaml")
    return checkout
