"""Picture files as tensors for a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from innerloop.data.build_images import resize
from innerloop.data.sources.read_picture import read_rgb
from innerloop.runtime.errors import InputError, require_count


def read_images(files: Sequence[Path | str], size: int) -> torch.Tensor:
    """Picture files as images [N, 3, size, size] in [0, 1], as an image store would hold them.

    Args:
        files: pictures of any size and mode; each is turned upright, converted to RGB and squashed.
        size: side of the images in pixels; the network's `image_size`.

    Raises:
        InputError: there are no files, or `size` is not a positive whole number.
        DataError: a file is not a picture, or damaged.
    """
    require_count("size", size, least=1)
    if isinstance(files, Path | str):
        raise InputError(f"files is one path, {str(files)!r}; expected a list of paths")
    if not files:
        raise InputError("files is empty; expected paths of pictures")
    pixels = np.stack([np.asarray(resize(read_rgb(Path(file)), size)) for file in files])
    return torch.from_numpy(pixels).movedim(-1, 1).float().div_(255)
