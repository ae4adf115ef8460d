"""The images that the programs' tests train and measure on."""

from __future__ import annotations

import pytest
from training_job import Patterns

import tiny
from innerloop.data.build_images import build_images
from innerloop.data.image_store import ImageStore


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    folder = tmp_path_factory.mktemp("images")
    return build_images(Patterns(), tiny.DATASET, tiny.SIZE, folder, progress=False)
