"""`innerloop gallery demo docs`: a study's figures as a page of Markdown with pictures.

The folder may also be a record's, such as docs/results/compact.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from innerloop.commands import NAME_OR_FOLDER, folder_of
from innerloop.commands.record import STUDY
from innerloop.measurements.described_study import DescribedStudy
from innerloop.render.contents import sections
from innerloop.render.files import id_of
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import atomic_path, read_json
from innerloop.runtime.last_run import snakemake_for

#: Maximum width of a picture, in pixels, and the numbers of greys and colours in its palette.
WIDTH, GREYS, COLOURS = 1200, 64, 192


def main(argv: list[str]) -> None:
    """Write gallery.md and, beside it, pictures/*.png."""
    parser = argparse.ArgumentParser(prog="innerloop gallery", description=__doc__)
    parser.add_argument("study", type=folder_of, help=f"{NAME_OR_FOLDER}; or a record's folder")
    parser.add_argument("out", type=Path, help="folder for gallery.md and pictures/")
    arguments = parser.parse_args(argv)
    files = sorted((arguments.study / "figures").glob("*/*.json"))
    if not files:
        record = (arguments.study / STUDY).is_file()
        command = snakemake_for(arguments.study.name)
        first = f"innerloop record {arguments.study}" if record else command
        raise ConfigError(f"{arguments.study} has no figures/*/*.json; run `{first}` first")
    study = DescribedStudy(read_json(arguments.study / "study.json"))
    shown = sections(study, [*map(read_json, files)], [])
    for figure in (figure for section in shown for figure in section["figures"]):
        source = arguments.study / "figures" / figure["paper"] / f"{figure['name']}.png"
        _shrink(source, arguments.out / "pictures" / f"{id_of(figure)}.png")
    with atomic_path(arguments.out / "gallery.md") as temporary:
        temporary.write_text(_page(study.name, arguments, shown), encoding="utf-8")


def _page(study: str, arguments: argparse.Namespace, sections: list[dict[str, Any]]) -> str:
    lines = [
        f"# The figures of the study `{study}`",
        "",
        f"Made by `innerloop gallery {arguments.study} {arguments.out}`.",
    ]
    for section in sections:
        lines += ["", f"## {section['title']}"]
        for figure in section["figures"]:
            picture = f"![{figure['alt']}](pictures/{id_of(figure)}.png)"
            lines += ["", f"### {figure['title']}", "", picture, "", figure["caption"]]
    return "\n".join(lines) + "\n"


def _shrink(source: Path, out: Path) -> None:
    """Write a copy that is quick to load: no wider than needed, and with a palette."""
    with Image.open(source) as picture:
        small = picture.convert("RGB")
    small.thumbnail((WIDTH, 10_000), Image.Resampling.LANCZOS)
    with atomic_path(out) as temporary:
        _with_palette(np.asarray(small)).save(temporary, optimize=True)


def _with_palette(pixels: NDArray[np.uint8]) -> Image.Image:
    """The image of some pixels, [height, width, 3], with a palette that keeps greys grey."""
    coloured = np.ptp(pixels, axis=2) > 0
    chosen = np.round(pixels[..., 0] / 255 * (GREYS - 1)).astype(np.uint8)
    palette = np.repeat(np.linspace(0, 255, GREYS).round().astype(np.uint8), 3).tobytes()
    if coloured.any():
        # rare colours of thin lines count too; dithering would cloud the white background
        reduced = Image.fromarray(pixels[coloured][None]).quantize(
            COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        chosen[coloured] = GREYS + np.asarray(reduced)[0]
        palette += bytes(reduced.getpalette() or [])
    picture = Image.fromarray(chosen)
    picture.putpalette(palette)
    return picture
