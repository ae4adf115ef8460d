"""Pickles: arrays and plain containers by Python 2 and 3, and nothing else."""

from __future__ import annotations

import collections
import os
import pickle
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from innerloop.data.archives import unpickle as reader
from innerloop.data.archives.unpickle import unpickle
from innerloop.runtime.errors import DataError
from python2_pickle import python2_pickle

PIXELS = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)
CONTENT = {"image_data": PIXELS, "class_dict": {"n01": [0], "n02": [1]}, "size": 2, "nothing": None}


def write(tmp_path, content: bytes) -> Path:
    path = tmp_path / "data.pkl"
    path.write_bytes(content)
    return path


def check(found) -> None:
    np.testing.assert_array_equal(found.pop("image_data"), PIXELS)
    assert found == {name: value for name, value in CONTENT.items() if name != "image_data"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_python_3(tmp_path, protocol):
    check(unpickle(write(tmp_path, pickle.dumps(CONTENT, protocol))))


def test_python_2(tmp_path):
    check(unpickle(write(tmp_path, python2_pickle(CONTENT))))


@pytest.mark.parametrize("dtype", ["u1", "<i8", ">i4", "?", "<f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_number_types_and_orders(tmp_path, dtype, order):
    array = np.asarray(np.arange(6).reshape(2, 3), dtype=dtype, order=order)
    found = unpickle(write(tmp_path, pickle.dumps({"a": array}, 2)))["a"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_numpy_numbers_become_numbers(tmp_path):
    assert unpickle(write(tmp_path, pickle.dumps([np.int64(7), np.float32(0.5)], 2))) == [7, 0.5]


def test_one_array_twice_is_read_twice(tmp_path):
    first, second = unpickle(write(tmp_path, pickle.dumps([PIXELS, PIXELS], 2)))
    np.testing.assert_array_equal(first, second)


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, call, *arguments):
        self.reduced = (call, arguments)

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize(
    "content",
    [
        Evil(os.system, "touch executed"),
        Evil(eval, "open('executed', 'w')"),
        Evil(getattr, "", "join"),
        {"image_data": PIXELS, "class_dict": Evil(exec, "open('executed', 'w')")},
        collections.OrderedDict(a=1),
        np.array([Evil(os.system, "touch executed")], dtype=object),
        np.zeros(2, dtype=[("a", "i4"), ("b", "i4")]),
        np.array(["text"]),
        np.array([1j]),
        np.ma.array([1]),
        Path("x"),
    ],
    ids=lambda content: type(content).__name__,
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_anything_else_is_refused_and_not_executed(tmp_path, monkeypatch, content, protocol):
    path = write(tmp_path, pickle.dumps(content, protocol))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"data.pkl asks for .* it was not executed"):
        unpickle(path)
    assert not (tmp_path / "executed").exists()


def program(*parts: bytes) -> bytes:
    """A pickle written by hand."""
    return b"".join(parts) + b"."


RECONSTRUCT, DTYPE = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\ndtype\n"


ATTACKS = {
    # numpy.ndarray((2**60,)): memory that is not there
    "ndarray": [b"cnumpy\nndarray\n", b"((L1152921504606846976L\ntt", b"R"],
    # a reader's function with other defaults
    "defaults": [b"c_codecs\nencode\n", b"(N}U\x0c__defaults__U\x01ast", b"b"],
    # an object array out of a number type's state
    "flags": [b"cnumpy\ndtype\n", b"(U\x02u1I0\nI1\ntR", b"(I3\nU\x01|NNNI8\nI8\nI63\ntb"],
    "codec": [b"c_codecs\nencode\n", b"(X\x01\x00\x00\x00aX\x04\x00\x00\x00rot1tR"],
}


@pytest.mark.parametrize("content", [program(*parts) for parts in ATTACKS.values()], ids=ATTACKS)
def test_attacks_through_the_known_names(tmp_path, content):
    with pytest.raises(DataError, match="asks for"):
        unpickle(write(tmp_path, content))


def test_a_shape_that_promises_more_than_there_is(tmp_path):
    content = pickle.dumps(np.zeros(4, dtype=np.uint8), 2).replace(b"K\x04\x85", b"K\xff\x85")
    with pytest.raises(DataError, match=r"4 bytes for an array of shape \(255,\)"):
        unpickle(write(tmp_path, content))


@pytest.mark.parametrize("length", [0, 1, 10, 60, -1])
def test_a_truncated_file(tmp_path, length):
    content = pickle.dumps(CONTENT, 2)[:length]
    with pytest.raises(DataError, match=r"data.pkl cannot be read as a pickle of arrays"):
        unpickle(write(tmp_path, content))


def test_a_length_that_no_memory_holds(tmp_path):
    huge = b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x."
    with pytest.raises(DataError, match="cannot be read as a pickle"):
        unpickle(write(tmp_path, huge))


def test_every_known_name_is_a_name_of_numpy_s_pickles():
    assert set(reader._KNOWN) == {
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
        "numpy.ndarray", "numpy.dtype", "_codecs.encode",
    }  # fmt: skip


def test_a_list_named_many_times_is_read_once(tmp_path):
    """A few hundred bytes for 10^30 numbers."""
    content: list = [1] * 10
    for _ in range(29):
        content = [content] * 10
    found = unpickle(write(tmp_path, pickle.dumps(content, 2)))
    for _ in range(29):
        assert found[0] is found[9]
        found = found[0]
    assert found == [1] * 10


def nested(levels: int) -> object:
    """A few bytes in a pickle, and 2^levels tuples for whoever hashes or prints them."""
    content: object = ()
    for _ in range(levels):
        content = (content, content)
    return content


#: `_codecs.encode(text, nested)`, an array of that shape, and of one whose size takes for ever.
NESTED = pickle.dumps(nested(60), 2)[2:-1]
NUMBER = DTYPE + b"(U\x02u1I0\nI1\ntR"
FROM_BUFFER = b"cnumpy.core.numeric\n_frombuffer\n(U\x01x" + NUMBER
LONG = b"\x8b" + struct.pack("<i", 10**7) + b"\x01" * 10**7
ENDLESS = {
    "key": b"}" + NESTED + b"K\x01s",
    "keys": b"}(" + NESTED + b"K\x01u",
    "dictionary": b"(" + NESTED + b"K\x01d",
    "set": b"\x8f(" + NESTED + b"\x90",
    "name": b"c_codecs\nencode\n(X\x01\x00\x00\x00a" + NESTED + b"tR",
    "shape": FROM_BUFFER + b"(" + NESTED + b"tU\x01CtR",
    "size": FROM_BUFFER + b"(" + LONG + LONG + b"tU\x01CtR",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("content", ENDLESS.values(), ids=ENDLESS)
def test_work_without_end_is_refused(tmp_path, content):
    with pytest.raises(DataError, match="asks for"):
        unpickle(write(tmp_path, b"\x80\x04" + content + b"."))


@pytest.mark.parametrize(
    "content",
    [b"K\x01r\x00\x00\x40\x00.", b"\x80\x05\x96" + struct.pack("<Q", 2**25) + b"x."],
    ids=["place", "length"],
)
def test_memory_follows_what_is_there_and_not_what_is_announced(tmp_path, content):
    path = write(tmp_path, content)
    tracemalloc.start()
    with suppress(DataError):
        assert unpickle(path) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize(
    "content", [b"]" * 100_000 + b"a" * 99_999, b"]q\x00h\x00a"], ids=["deep", "in itself"]
)
def test_lists_without_end(tmp_path, content):
    with pytest.raises(DataError, match="cannot be read as a pickle of arrays"):
        unpickle(write(tmp_path, content + b"."))
