"""A sheet of sample images, so that a reader sees what a data set looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from innerloop.data.image_store import ImageStore
from innerloop.data.torchvision_ops import import_torchvision
from innerloop.runtime.files import atomic_path


def write_samples(store: ImageStore, path: Path | str, classes: int = 12, each: int = 6) -> None:
    """Write a PNG: one column per class, `each` images of it, evenly spread over the classes."""
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
    sheet = utils.make_grid(store.batch(rows.flatten()), nrow=len(chosen), padding=2, pad_value=1.0)
    with atomic_path(path) as temporary:
        utils.save_image(torch.as_tensor(sheet), temporary)
