"""The sheet of sample images shows the images of a store, a column a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from innerloop.data.image_store import ClassRows, ImageStore
from innerloop.data.samples import CLASSES, GAP, IMAGES, write_samples

SIZE, EACH = 5, 4


@pytest.mark.parametrize("count", [1, 3, 40])
def test_every_cell_is_an_image_of_its_column_s_class(tmp_path, count):
    images = np.random.default_rng(0).integers(0, 255, (count * EACH, 3, SIZE, SIZE), np.uint8)
    classes = [ClassRows(f"{k}", "train", "", k * EACH, EACH) for k in range(count)]
    manifest = {"dataset": "noise", "size": SIZE, "digest": ""}
    store = ImageStore(Path(), images, classes, manifest)
    write_samples(store, tmp_path / "samples.png", made_by="0123456789abcdef")
    with Image.open(tmp_path / "samples.png") as picture:
        assert picture.info["made_by"] == "0123456789abcdef"
        sheet = np.asarray(picture).transpose(2, 0, 1)
    columns = min(count, CLASSES)
    cells = sheet[:, GAP:, GAP:].reshape(3, IMAGES, SIZE + GAP, columns, SIZE + GAP)
    shown = cells[:, :, :SIZE, :, :SIZE].transpose(3, 1, 0, 2, 4)  # [column, row, 3, size, size]
    assert (shown[0, :EACH] == images[:EACH]).all()
    assert (shown[-1, :EACH] == images[-EACH:]).all()
    assert (shown[:, EACH:] == shown[:, : IMAGES - EACH]).all()  # a class of few comes again
    assert (cells[:, :, SIZE:] == 255).all()
    assert (cells[..., SIZE:] == 255).all()
    assert (sheet[:, :GAP] == 255).all()
