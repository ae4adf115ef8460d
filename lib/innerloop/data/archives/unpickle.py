"""Reads pickles of arrays and plain containers; nothing else in them is ever called.

A pickle is a program. This reader replaces the few functions that rebuild NumPy's arrays by its
own, which only record their arguments, and refuses every other name. NumPy itself sees nothing but
checked shapes, number types and bytes.

A few bytes may also ask for unlimited memory or work: entry number one billion of a table, the hash
of nested tuples, the text of nested lists. So this builds on Python's unpickler in pure Python,
whose table is a dictionary; keys must be text or numbers; and no content is ever printed.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterable, Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from innerloop.runtime.errors import DataError

_KINDS = "buif"  # of array elements: booleans and numbers
_MOST_AXES, _LONGEST_AXIS = 64, 1 << 40


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
        *_, shape, number, fortran, content = state  # old pickles have no version before these
        self.value = _array(content, number, shape, "F" if fortran else "C")


class _Function:
    """A callable that a pickle cannot change."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise ForbiddenError("a change of the reader")


def _array(content: Any, number: Any, shape: Any, order: Any) -> np.ndarray:
    """An array made of its bytes; a shape that needs another number of them is refused."""
    if not isinstance(number, _Number) or not isinstance(content, bytes | bytearray):
        raise ForbiddenError("an array of objects")
    axes = tuple(shape)
    whole = all(isinstance(axis, int) and 0 <= axis <= _LONGEST_AXIS for axis in axes)
    if len(axes) > _MOST_AXES or not whole:
        raise ForbiddenError("an array of impossible shape")
    if math.prod(axes) * number.dtype.itemsize != len(content):
        raise ValueError(f"{len(content)} bytes for an array of shape {axes}")
    made = np.frombuffer(content, number.dtype)
    return made.reshape(axes, order="F" if _text(order) == "F" else "C")


def _from_buffer(content: Any, number: Any, shape: Any, order: Any) -> _Array:
    made = _Array()
    made.value = _array(content, number, shape, order)
    return made


def _scalar(number: Any, content: Any) -> Any:
    return _array(content, number, (), "C").item()


def _encoded(text: Any, encoding: Any) -> bytes:
    """The bytes that Python 3 writes as text into pickles of an old protocol."""
    if not isinstance(text, str) or _text(encoding) != "latin1":
        raise ForbiddenError("text in another encoding than latin1")
    return text.encode("latin1")


def _not_called(*_: Any) -> Any:
    raise ForbiddenError("an array that is made directly")


def _text(value: Any) -> str:
    """Text as `str`; Python 2's comes as bytes."""
    text = value.decode("ascii") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        raise ForbiddenError(f"a name that is not text but of type {type(value).__name__}")
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


#: The unpickler in pure Python: private in name only, and unknown to type checkers.
_InPython: Any = pickle._Unpickler


class _PlainUnpickler(_InPython):  # type: ignore[misc]
    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get(f"{module}.{name}")
        if known is None:
            raise ForbiddenError(f"'{module}.{name}'")
        return known

    def _load_item(self) -> None:
        _require_keys(self.stack[-2:-1])
        super().load_setitem()

    def _load_items(self) -> None:
        _require_keys(self.stack[::2])
        super().load_setitems()

    def _load_dict(self) -> None:
        _require_keys(self.stack[::2])
        super().load_dict()

    def _load_set(self) -> None:
        raise ForbiddenError("a set")

    dispatch: ClassVar = {
        **_InPython.dispatch,
        **{
            code[0]: load
            for code, load in (
                (pickle.SETITEM, _load_item),
                (pickle.SETITEMS, _load_items),
                (pickle.DICT, _load_dict),
                (pickle.EMPTY_SET, _load_set),
                (pickle.FROZENSET, _load_set),
                # BYTEARRAY8 would first allocate all that is announced
                (pickle.BYTEARRAY8, _InPython.load_binbytes8),
            )
        },
    }


def _require_keys(keys: Iterable[Any]) -> None:
    for key in keys:
        if not isinstance(key, str | bytes | int | float | None):
            raise ForbiddenError(f"a dictionary with a key of type {type(key).__name__}")


def unpickle(path: Path) -> Any:
    """The arrays and plain containers of a pickle that Python 2 or 3 wrote; its text as `str`.

    Raises:
        DataError: the file is not a pickle, is damaged, or asks for anything but data.
    """
    try:
        # mapped, so that a read allocates what there is, not what is announced
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            return _plain(_PlainUnpickler(content, encoding="bytes").load(), {})
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
    """Convert, in all containers, arrays under construction to arrays and bytes to `str`.

    Args:
        value: what was read; Python 2's text is bytes.
        done: id of a container -> its conversion. A container that occurs many times is converted
            once: a few bytes may stand for endlessly nested lists.
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
