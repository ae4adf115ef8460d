"""The study that is run once and looked at by many tests."""

from __future__ import annotations

import pytest
from study_run import SHARED, Checkout, shared_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The whole shared study, run once: put back what you edit."""
    checkout = shared_study(tmp_path_factory.mktemp("shared") / "innerloop")
    checkout.run(*SHARED)
    return checkout
