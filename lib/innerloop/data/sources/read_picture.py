"""Decodes one untrusted image file."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import BITSPERSAMPLE

from innerloop.data.decoding import MOST_PIXELS, wait_for_room
from innerloop.runtime.errors import DataError

#: The formats of image data sets. Pillow knows more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
#: Suffixes of files in these formats.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    *(".bmp", ".tif", ".tiff", ".webp", ".gif"),
)

_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
#: Exif orientation -> the transposition that undoes it.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Pillow's names of layouts with 12 or 16 bits a channel; `BGR;16` has five or six.
_DEEP = re.compile(r"(?!BGR).*;(12|16)")
#: Factors that scale a grey PNG's two or four bits to eight.
_STEP = {"L;2": 85, "L;4": 17}


def read_rgb(file: Path) -> Image.Image:
    """An image as a viewer shows it, in RGB.

    Grey, palette and CMYK images are converted, transparency is laid on white, and a camera's
    orientation is applied. An animation, or a file of several pages, gives its first picture.

    Raises:
        DataError: it is damaged, too large, has more than eight bits a channel, or is not a plain
            file.
    """
    if file.exists() and not file.is_file():  # reading a pipe or a device may never end
        raise DataError(f"image {file} is not a plain file; move it away")
    try:
        with Image.open(file, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MOST_PIXELS:  # known before a pixel is decoded
                raise DataError(
                    f"image {file} is {width} x {height} pixels, more than {MOST_PIXELS} in all "
                    "(a decompression bomb?); make it smaller, or move it away"
                )
            wait_for_room(width * height)
            if _is_deep(picture):
                raise DataError(
                    f"image {file} has more than eight bits a channel, which would be cut off; "
                    "save it with eight"
                )
            _scale_transparent_grey(picture)
            return _on_white(_upright(picture))
    except _UNREADABLE as error:
        raise DataError(
            f"image {file} cannot be read ({error}); repair it, or move it away"
        ) from error


def _layout(picture: Image.Image) -> tuple[str, int]:
    """Pillow's name of the file's pixel layout, and the largest value that the file states."""
    codec, _, _, stated = (getattr(picture, "tile", None) or [("", (), 0, "")])[0]
    layout, *rest = stated if isinstance(stated, tuple) else (stated,)
    return str(layout), rest[0] if rest and codec.startswith("ppm") else 255


def _is_deep(picture: Image.Image) -> bool:
    """Whether there are more than eight bits a channel; `RGB` may have had sixteen in the file."""
    layout, largest = _layout(picture)
    in_tiff = getattr(picture, "tag_v2", {}).get(BITSPERSAMPLE, (8,))
    return (
        picture.mode.startswith(("I", "F"))
        or _DEEP.match(layout) is not None
        or largest > 255
        or max(in_tiff) > 8
    )


def _scale_transparent_grey(picture: Image.Image) -> None:
    """Scale a PNG's transparent grey value to eight bits, as Pillow scales its pixels."""
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int) and picture.mode == "L":
        picture.info["transparency"] = transparent * _STEP.get(_layout(picture)[0], 1)


def _upright(picture: Image.Image) -> Image.Image:
    """The picture turned as its camera was held; ImageOps.exif_transpose fails on damaged Exif."""
    picture.load()  # Pillow turns a TIFF while loading it
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except (SyntaxError, ValueError, struct.error):
        return picture
    return picture.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else picture


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
