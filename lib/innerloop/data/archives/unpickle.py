"""Reading pickles of arrays and plain containers; nothing else in them is ever called.

A pickle is a program. This reader knows the few functions that NumPy's arrays are rebuilt with, in
versions of its own that only note what they are told, and refuses every other name. NumPy itself
sees nothing but checked shapes, number types and bytes.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.runtime.errors import DataError

_KINDS = "buif"  # of array elements: booleans and numbers


class ForbiddenError(pickle.UnpicklingError):
    """A pickle asks for something that data does not need."""


class _Number:
    """A number type under construction: its name, then its byte order."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.dtype = np.dtype(_text(name))
        if self.dtype.kind not in _KINDS:
            raise ForbiddenError(f"an array of {_text(name)}")

    def __setstate__(self, state: Any) -> None:
        _, order, *rest = state
        if any(part not in (None, -1, 0) for part in rest):
            raise ForbiddenError("an array of records")
        self.dtype = np.dtype(_text(order) + self.dtype.str[1:])


class _Array:
    """An array under construction: empty, then its shape, number type and content."""

    def __init__(self, *_: Any) -> None:
        self.value = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        *_, shape, number, fortran, content = state  # the oldest have no version before
        self.value = _array(content, number, shape, "F" if fortran else "C")


class _Function:
    """Something to call, that a pickle cannot change."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise ForbiddenError("a change of the reader")


def _array(content: Any, number: Any, shape: Any, order: Any) -> np.ndarray:
    """An array of bytes that are there: a shape that promises more is refused."""
    if not isinstance(number, _Number) or not isinstance(content, bytes | bytearray):
        raise ForbiddenError("an array of objects")
    if math.prod(shape) * number.dtype.itemsize != len(content):
        raise ValueError(f"{len(content)} bytes for an array of shape {shape}")
    made = np.frombuffer(content, number.dtype)
    return made.reshape(tuple(shape), order="F" if _text(order) == "F" else "C")


def _from_buffer(content: Any, number: Any, shape: Any, order: Any) -> _Array:
    made = _Array()
    made.value = _array(content, number, shape, order)
    return made


def _scalar(number: Any, content: Any) -> Any:
    return _array(content, number, (), "C").item()


def _encoded(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes into old pickles."""
    if not isinstance(text, str) or _text(encoding) != "latin1":
        raise ForbiddenError(f"text encoded as {encoding!r}")
    return text.encode("latin1")


def _not_called(*_: Any) -> Any:
    raise ForbiddenError("an array that is made directly")


def _text(value: Any) -> str:
    """Python 2's text comes as bytes."""
    text = value.decode("ascii") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise ForbiddenError(f"a name that is no text: {value!r}")
    return text


_REBUILD: Mapping[str, Callable[..., Any]] = {
    "multiarray._reconstruct": _Array,
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": _from_buffer,
}
_KNOWN: Mapping[str, _Function] = {
    **{
        f"numpy.{core}.{name}": _Function(call)
        for core in ("core", "_core")  # NumPy 1 and 2
        for name, call in _REBUILD.items()
    },
    "numpy.ndarray": _Function(_not_called),
    "numpy.dtype": _Function(_Number),
    "_codecs.encode": _Function(_encoded),
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get(f"{module}.{name}")
        if known is None:
            raise ForbiddenError(f"'{module}.{name}'")
        return known


def unpickle(path: Path) -> Any:
    """The arrays and plain containers of a pickle, by Python 2 or 3; its text as `str`.

    Raises:
        DataError: the file is no pickle, is damaged, or asks for anything but data.
    """
    try:
        with path.open("rb") as file:
            return _plain(_PlainUnpickler(file, encoding="bytes").load(), {})
    except ForbiddenError as error:
        raise DataError(
            f"{path} asks for {error}, which data does not need; it was not executed. This is not "
            "the data set's file: move it away"
        ) from error
    except Exception as error:  # damaged pickles raise nearly anything
        raise DataError(
            f"{path} cannot be read as a pickle of arrays ({type(error).__name__}: {error}); it is "
            "truncated or damaged: fetch it again"
        ) from error


def _plain(value: Any, done: dict[int, Any]) -> Any:
    """Arrays as such, and Python 2's text, which comes as bytes, as `str`; in all containers.

    Args:
        value: what was read.
        done: what containers became, by their identity. One that is named many times is made once:
            a few bytes may stand for a list of lists of lists with no end.
    """
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if not isinstance(value, dict | list | tuple):
        return value
    if id(value) not in done:
        if isinstance(value, dict):
            pairs = value.items()
            done[id(value)] = {_plain(key, done): _plain(inner, done) for key, inner in pairs}
        else:
            done[id(value)] = type(value)(_plain(inner, done) for inner in value)
    return done[id(value)]
