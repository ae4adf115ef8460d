"""One cluster for all tests here, and the undisturbed run that the others must equal."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "workflow"))

from cluster import ITERATIONS, TARGETS, Cluster, Study, why_not


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A real SLURM, stopped in the end."""
    if reason := why_not():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        # munged wants every folder above its socket open; pytest's own are closed
        Path(folder).chmod(0o755)
        started = Cluster(Path(folder))
        yield started
        started.stop()


@pytest.fixture(scope="session")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study's images, splits and episodes, and no model."""
    study = Study(tmp_path_factory.mktemp("prepared") / "innerloop")
    study.run("data", "--configfile", "small.yaml")
    return study


@pytest.fixture(scope="session")
def local(prepared: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study, run on this machine without SLURM."""
    folder = tmp_path_factory.mktemp("local") / "innerloop"
    study = Study(folder, iterations=ITERATIONS).with_data_of(prepared)
    study.run(*TARGETS, "--configfile", "small.yaml")
    return study


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start a cluster only when asked to."""
    if "slurm" in (config.option.markexpr or ""):
        return
    for item in items:
        if item.get_closest_marker("slurm"):
            item.add_marker(pytest.mark.skip(reason="starts a real SLURM: `make test-slurm`"))
