"""The study that is run once and looked at by many tests."""

from __future__ import annotations

import fcntl

import pytest
from study_run import SHARED, Checkout, shared_study


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Checkout:
    """The whole shared study, run once: put back what you edit.

    Of several processes of tests the first one runs it, and each has a copy of its own.
    """
    folder = tmp_path_factory.getbasetemp()
    shared = (folder if worker_id == "master" else folder.parent) / "shared"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            shared_study(shared / "innerloop").run(*SHARED)
            (shared / "done").touch()
    return Checkout.at(shared / "innerloop").copy(folder / "innerloop")
