"""A sheet of sample images, so that a reader sees what a data set looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from innerloop.data.image_store import ImageStore
from innerloop.data.torchvision_ops import import_torchvision
from innerloop.runtime.files import atomic_path


def write_samples(
    store: ImageStore, path: Path | str, classes: int = 12, each: int = 6, made_by: str = ""
) -> None:
    """Write a PNG: one column per class, `each` images of it, evenly spread over the classes.

    Args:
        store: the images.
        path: of the PNG.
        classes: columns, at most.
        each: rows.
        made_by: digest of what decides the job, which the PNG holds.
    """
    utils = import_torchvision("torchvision.utils")
    chosen = np.linspace(0, len(store.classes) - 1, min(classes, len(store.classes))).astype(int)
    rows = np.array(
        [
            [
                store.classes[number].first + position % store.classes[number].count
                for number in chosen
            ]
            for position in range(each)
        ]
    )
    sheet = torch.as_tensor(
        utils.make_grid(store.batch(rows.flatten()), nrow=len(chosen), padding=2, pad_value=1.0)
    )
    pixels = (sheet * 255 + 0.5).clamp(0, 255).byte()
    said = PngInfo()
    said.add_text("made_by", made_by)
    with atomic_path(path) as temporary:
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(temporary, pnginfo=said)
