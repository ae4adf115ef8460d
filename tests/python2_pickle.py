"""Pickles as Python 2 wrote them: text as byte strings, arrays with their content as one."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np


def python2_pickle(value: Any) -> bytes:
    """What `cPickle.dump(value, file, protocol=2)` of Python 2 would write."""
    return b"\x80\x02" + _written(value) + b"."


def _written(value: Any) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int | np.integer):
        return b"J" + struct.pack("<i", int(value))
    if isinstance(value, str):
        value = value.encode("latin1")
    if isinstance(value, bytes):  # SHORT_BINSTRING and BINSTRING: Python 2's str
        short = len(value) < 256
        return (
            b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))
        ) + value
    if isinstance(value, list):
        return b"](" + b"".join(map(_written, value)) + b"e"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_written, value)) + b"t"
    if isinstance(value, dict):
        inner = b"".join(_written(key) + _written(held) for key, held in value.items())
        return b"}(" + inner + b"u"
    if isinstance(value, np.ndarray):
        return _array(value)
    raise TypeError(f"not written: {type(value)}")


def _array(array: np.ndarray) -> bytes:
    start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
    kind = array.dtype.str[1:]
    number = b"cnumpy\ndtype\n" + _written((kind, 0, 1)) + b"R"
    order = array.dtype.str[0]
    number += _written((3, order, None, None, None, -1, -1, 0)) + b"b"
    shape = _written(tuple(array.shape))
    return start + b"(K\x01" + shape + number + b"\x89" + _written(array.tobytes()) + b"tb"
