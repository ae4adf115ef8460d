"""Pictures keep their meaning: what a viewer shows is what is stored."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from innerloop.data.sources.read_picture import FORMATS, SUFFIXES, read_rgb
from innerloop.runtime.errors import DataError

SHAPE = (6, 7)  # no whole number of bytes to a line
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: (), RGB: (3,), PALETTE: (), GREY_ALPHA: (2,), RGBA: (4,)}


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(values: np.ndarray, depth: int, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG written bit by bit, after its specification."""
    lines = []
    for line in values.reshape(len(values), -1):
        bits = "".join(format(int(value), f"0{depth}b") for value in line)
        bits += "0" * (-len(bits) % 8)
        lines.append(b"\0" + bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)))
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, colour, 0, 0, 0)
    body = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in body)


def on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return colours * (alpha[..., None] / 255) + 255 - alpha[..., None]


@pytest.fixture
def read(tmp_path):
    def of(content: bytes, name: str = "a.png") -> np.ndarray:
        (tmp_path / name).write_bytes(content)
        picture = read_rgb(tmp_path / name)
        assert picture.mode == "RGB"
        return np.asarray(picture).astype(float)

    return of


same_folder = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


class TestTransparencyIsLaidOnWhite:
    @same_folder
    @given(random=seeds, depth=st.sampled_from([1, 2, 4, 8]), clear=st.booleans())
    def test_one_grey_value(self, read, random, depth, clear):
        values = random.integers(0, 2**depth, SHAPE)
        value = int(values[2, 3])
        chunks = [(b"tRNS", struct.pack(">H", value))] if clear else []
        grey = values * 255 // (2**depth - 1)
        expected = np.where(clear & (values == value), 255, grey)
        assert (read(png(values, depth, GREY, *chunks)) == expected[..., None]).all()

    @same_folder
    @given(random=seeds, depth=st.sampled_from([1, 2, 4, 8]), data=st.data())
    def test_palettes(self, read, random, depth, data):
        stated = data.draw(st.integers(0, 2**depth))
        colours = random.integers(0, 256, (2**depth, 3), np.uint8)
        alpha = np.full(2**depth, 255)
        alpha[:stated] = random.integers(0, 256, stated)
        values = random.integers(0, 2**depth, SHAPE)
        chunks = [(b"PLTE", colours.tobytes())]
        if stated:
            chunks.append((b"tRNS", alpha[:stated].astype(np.uint8).tobytes()))
        found = read(png(values, depth, PALETTE, *chunks))
        np.testing.assert_allclose(found, on_white(colours[values], alpha[values]), atol=0.51)

    @same_folder
    @given(random=seeds, colour=st.sampled_from([GREY_ALPHA, RGBA]))
    def test_a_channel_of_it(self, read, random, colour):
        values = random.integers(0, 256, SHAPE + CHANNELS[colour])
        found = read(png(values, 8, colour))
        expected = on_white(values[..., :-1], values[..., -1])
        np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=0.51)

    def test_one_colour(self, read):
        values = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3))
        values[1, 1] = values[2, 2]
        found = read(png(values, 8, RGB, (b"tRNS", struct.pack(">HHH", *values[1, 1]))))
        expected = values.copy()
        expected[1, 1] = expected[2, 2] = 255
        assert (found == expected).all()

    @pytest.mark.parametrize(("form", "name"), [("GIF", "a.gif"), ("WEBP", "a.webp")])
    def test_the_first_picture_of_an_animation(self, read, form, name):
        clear, blue = Image.new("RGBA", (8, 8), (9, 9, 9, 0)), Image.new("RGBA", (8, 8), "blue")
        for first, expected in ((clear, (255, 255, 255)), (blue, (0, 0, 255))):
            other = blue if first is clear else clear
            buffer = io.BytesIO()
            first.save(buffer, form, save_all=True, append_images=[other], lossless=True)
            assert read(buffer.getvalue(), name)[3, 3] == pytest.approx(expected, abs=2)


class TestOrientation:
    @pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_the_upper_left_corner_of_the_scene(self, read, form):
        """Exif's own words: where line 0 and column 0 of what is stored lie in the scene."""
        corners = {1: "top left", 2: "top right", 3: "bottom right", 4: "bottom left",
                   5: "top left", 6: "top right", 7: "bottom right", 8: "bottom left"}  # fmt: skip
        stored = Image.new("RGB", (48, 32), "white")
        stored.paste("red", (0, 0, 12, 12))
        for orientation, corner in corners.items():
            exif = Image.Exif()
            exif[274] = orientation
            buffer = io.BytesIO()
            stored.save(buffer, form, exif=exif)
            found = read(buffer.getvalue(), f"a.{form.lower()}")
            assert found.shape[:2] == ((32, 48) if orientation < 5 else (48, 32))
            row, column = np.argwhere(found[..., 1] < 128).mean(axis=0) / found.shape[:2]
            side = f"{'top' if row < 0.5 else 'bottom'} {'left' if column < 0.5 else 'right'}"
            assert side == corner

    def test_damaged_exif_says_nothing(self, read):
        exif = Image.Exif()
        exif[274] = 6
        buffer = io.BytesIO()
        Image.new("RGB", (8, 4), "red").save(buffer, "WEBP", exif=exif)
        damaged = buffer.getvalue().replace(b"MM\0*", b"MM\0?")
        assert damaged != buffer.getvalue()
        assert read(damaged, "a.webp").shape == (4, 8, 3)


def tiff_of_sixteen_bits() -> bytes:
    """One RGB pixel of 16 bits a channel; Pillow writes none."""
    entries = [(256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 3, 134), (259, 3, 1, 1), (262, 3, 1, 2),
               (273, 4, 1, 140), (277, 3, 1, 3), (278, 4, 1, 1), (279, 4, 1, 6)]  # fmt: skip
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries)) + table
    return (head + bytes(4)).ljust(134, b"\0") + struct.pack("<6H", 16, 16, 16, 40000, 300, 9)


class TestDeepPicturesAreRefused:
    @pytest.mark.parametrize("colour", [GREY, RGB, GREY_ALPHA, RGBA])
    def test_png(self, read, colour):
        values = np.full(SHAPE + CHANNELS[colour], 40000)
        with pytest.raises(DataError, match=r"a.png has more than eight bits a channel"):
            read(png(values, 16, colour))

    @pytest.mark.parametrize("kind", [b"P2", b"P3", b"P5", b"P6"])
    @pytest.mark.parametrize("largest", [15, 255, 256, 1023, 65535])
    def test_ppm(self, read, kind, largest):
        values = np.full((4, 5, 3 if kind in (b"P3", b"P6") else 1), largest // 2)
        plain = b" ".join(str(value).encode() for value in values.ravel())
        packed = values.astype(">u2" if largest > 255 else "u1").tobytes()
        content = kind + b"\n5 4\n%d\n" % largest + (plain if kind in (b"P2", b"P3") else packed)
        if largest < 256:
            found = read(content, "a.ppm")
            np.testing.assert_allclose(found, largest // 2 * 255 / largest, atol=0.51)
        else:
            with pytest.raises(DataError, match="more than eight bits"):
                read(content, "a.ppm")

    def test_tiff(self, read):
        with pytest.raises(DataError, match="more than eight bits"):
            read(tiff_of_sixteen_bits(), "a.tif")

    @pytest.mark.parametrize("mode", ["I;16", "I", "F"])
    def test_tiff_of_one_channel(self, read, mode):
        buffer = io.BytesIO()
        Image.new(mode, (4, 4)).save(buffer, "TIFF")
        with pytest.raises(DataError, match="more than eight bits"):
            read(buffer.getvalue(), "a.tif")

    def test_not_a_bmp_of_sixteen_bits_a_pixel(self, read):
        header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 16, 3, 32, 0, 0, 0, 0)
        masks = struct.pack("<III", 0xF800, 0x07E0, 0x1F)
        content = b"BM" + struct.pack("<IHHI", 98, 0, 0, 66) + header + masks
        found = read(content + struct.pack("<16H", *[0xF800] * 16), "a.bmp")
        assert (found == [255, 0, 0]).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is not a plain file"):
        read_rgb(tmp_path / name)


def test_suffixes_are_those_of_the_formats():
    known = Image.registered_extensions()
    assert {suffix for suffix, form in known.items() if form in FORMATS} == set(SUFFIXES)
