"""A sheet of sample images, so that a reader sees what a data set looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from innerloop.data.image_store import ImageStore
from innerloop.runtime.files import atomic_path

#: Maximum number of columns (one per class); rows (one per image); white pixels between images.
CLASSES, IMAGES, GAP = 12, 6, 2


def write_samples(store: ImageStore, path: Path | str, made_by: str = "") -> None:
    """Write a PNG with one column of images for each of some classes, evenly spread over all.

    Args:
        store: the images.
        path: path of the PNG.
        made_by: digest of the job's parameters and code, stored in the PNG.
    """
    columns = min(CLASSES, len(store.classes))
    step = store.size + GAP
    sheet = np.full((IMAGES * step + GAP, columns * step + GAP, 3), 255, np.uint8)
    for column, number in enumerate(np.linspace(0, len(store.classes) - 1, columns).astype(int)):
        shown = store.classes[number]
        for row in range(IMAGES):
            top, left = row * step + GAP, column * step + GAP
            image = store.images[shown.first + row % shown.count]
            sheet[top : top + store.size, left : left + store.size] = image.transpose(1, 2, 0)
    info = PngInfo()
    info.add_text("made_by", made_by)
    with atomic_path(path) as temporary:
        Image.fromarray(sheet).save(temporary, pnginfo=info)
