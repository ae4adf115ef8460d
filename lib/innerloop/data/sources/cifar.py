"""What CIFAR-10 and CIFAR-100 share: Python-2 pickles of rows of 3,072 bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.archives.unpack import unpacked
from innerloop.data.archives.unpickle import unpickle
from innerloop.data.sources.fetched_files import FetchedFiles
from innerloop.runtime.errors import DataError

SIDE = 32


def cifar_folder(files: FetchedFiles, name: str) -> Path:
    """The folder of that name: the user's own, or unpacked from the archive."""
    if files.folder is not None:
        return files.folder
    archives = files.files.values()
    return unpacked(archives, files.work, lambda path: path.parts[:1] == (name,)) / name


def read_batch(path: Path, labels: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures of a batch file, uint8 [N, 32, 32, 3], and their class numbers, [N].

    Raises:
        DataError: the file is missing or has another layout.
    """
    content = read_dictionary(path)
    data, numbers = content.get("data"), content.get(labels)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
        raise DataError(f"{path}: 'data' is not a table of bytes")
    if data.shape[1] != 3 * SIDE * SIDE or not isinstance(numbers, list):
        raise DataError(f"{path}: expected rows of {3 * SIDE * SIDE} bytes and a list '{labels}'")
    if len(numbers) != len(data):
        raise DataError(f"{path}: {len(data)} pictures and {len(numbers)} labels")
    pictures = data.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pictures), np.asarray(numbers)


def read_names(path: Path, key: str) -> list[str]:
    """The names of the classes, by their number.

    Raises:
        DataError: the file is missing or has another layout.
    """
    names = read_dictionary(path).get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: there is no list of names '{key}'")
    return names


def read_dictionary(path: Path) -> Mapping[str, Any]:
    """A pickled dictionary.

    Raises:
        DataError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; the archive has it")
    content = unpickle(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds a {type(content).__name__}, expected a dictionary")
    return content
