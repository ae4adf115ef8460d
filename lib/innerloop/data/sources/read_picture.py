"""Decoding one image file that somebody else made."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from innerloop.errors import DataError

#: What image data sets come in. Pillow knows more, of which some start other programs.
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
MOST_PIXELS = 100_000_000

_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_rgb(file: Path) -> Image.Image:
    """An image as RGB; grey, palette and CMYK images are converted.

    Raises:
        DataError: it is damaged, too large, or has more than eight bits a channel.
    """
    try:
        with Image.open(file, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > MOST_PIXELS:  # known before a pixel is decoded
                raise DataError(
                    f"image {file} is {width} x {height} pixels, more than {MOST_PIXELS} in all "
                    "(a decompression bomb?); make it smaller, or move it away"
                )
            deep = picture.mode.startswith(("I", "F"))
            rgb: Image.Image = picture.convert("RGB")
    except _UNREADABLE as error:
        raise DataError(
            f"image {file} cannot be read ({error}); repair it, or move it away"
        ) from error
    if deep:
        raise DataError(
            f"image {file} has more than eight bits a channel, which would be cut off; save it "
            "with eight"
        )
    return rgb
