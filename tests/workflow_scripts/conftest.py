"""The images that the programs' tests train and measure on, and what was trained on them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from training_job import TASKS, Patterns, run

import draw_episodes
import tiny
from innerloop.data.build_images import build_images
from innerloop.data.image_store import ImageStore


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    folder = tmp_path_factory.mktemp("images")
    return build_images(Patterns(), tiny.DATASET, tiny.SIZE, folder, progress=False)


@pytest.fixture(scope="session")
def trained(images: ImageStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of different seeds, and the episodes of their data set."""
    folder = tmp_path_factory.mktemp("trained")
    for seed in (0, 1):
        run(images, folder / f"seed{seed}", {"seed": seed})
    episodes = {
        "dataset": tiny.DATASET, "setting": "3w1s", "way": 3, "shot": 1, "queries": 4,
        "tasks": TASKS, "splits": ["test", "val"], "seed": 0,
    }  # fmt: skip
    splits = folder / "seed0" / "splits.parquet"
    out = folder / "episodes.parquet"
    draw_episodes.main(["--spec", json.dumps(episodes), "--splits", str(splits), "--out", str(out)])
    return folder


@pytest.fixture
def study(trained: Path, tmp_path: Path) -> Path:
    """A copy that may be changed."""
    return Path(shutil.copytree(trained, tmp_path / "study"))
