"""A study's figures as a page with pictures."""

from __future__ import annotations

import re

import matplotlib.figure
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from innerloop.commands import main
from innerloop.learners.gradient_based.methods import METHODS
from innerloop.render.drawing import Drawing
from innerloop.render.files import write_drawing
from innerloop.render.style import built_in_look
from innerloop.runtime.files import write_json
from shipped import FIGURES, about
from synthetic import describe

NAMES = ("p1_figure1_weight_norms", "p1_figure2_cka", "p2_figure5_training_curves")


def write(drawing, name, study):
    """The files of a figure, in a study that has its paper."""
    write_json(study / "study.json", describe())
    figure = FIGURES[name]
    stem = study / "figures" / figure.paper / figure.name
    write_drawing(drawing, about(figure), stem)
    return stem


def test_every_figure_has_its_picture_title_and_caption(tmp_path):
    study, out = tmp_path / "demo", tmp_path / "docs"
    for name in reversed(NAMES):
        figure = matplotlib.figure.Figure(figsize=(8, 3))
        figure.subplots().plot([1, 2])
        drawing = Drawing(figure, f"Caption of {name}.", f"Alt of {name}.")
        write(drawing, name, study)
    main(["gallery", str(study), str(out)])
    page = (out / "gallery.md").read_text(encoding="utf-8")
    assert f"Made by `innerloop gallery {study} {out}`." in page
    shown = re.findall(r"!\[Alt of (\w+)\.\]\((pictures/\w+\.png)\)", page)
    assert shown == [(name, f"pictures/{name}.png") for name in NAMES]
    for name, path in shown:
        assert FIGURES[name].title in page
        assert f"Caption of {name}." in page
        assert Image.open(out / path).width == 1200


def test_methods_keep_their_colours(tmp_path):
    looks = [built_in_look(name, name) for name in METHODS]
    figure = matplotlib.figure.Figure(figsize=(8, 3))
    axes = figure.subplots()
    for height, look in enumerate(looks):
        axes.plot([0, 1], [height, height + 1], **look.line())
        axes.fill_between([0, 1], height, height + 1, color=look.colour, alpha=0.2)
    study, name = tmp_path / "demo", NAMES[0]
    write(Drawing(figure, "Caption.", "Alt."), name, study)
    main(["gallery", str(study), str(tmp_path)])
    picture = np.asarray(Image.open(tmp_path / f"pictures/{name}.png").convert("RGB"), dtype=float)
    for look in looks:
        wanted = 255 * np.array(to_rgb(look.colour))
        assert np.abs(picture - wanted).max(axis=2).min() < 12, look.label


def test_greys_stay_grey(tmp_path):
    """Grid, axes and text beside curves of many colours, bands and a second picture of none."""
    stems = {}
    for name, colours in zip(NAMES[:2], (40, 0), strict=True):
        figure = matplotlib.figure.Figure(figsize=(8, 3))
        axes = figure.subplots()
        axes.grid(color="0.9")
        axes.axhline(5, color="0.5")
        for height in range(colours):
            colour = (height / 40, 0.4, 1 - height / 40)
            axes.plot([0, 1], [height, height + 1], color=colour)
            axes.fill_between([0, 1], height, height + 1, color=colour, alpha=0.2)
        stems[name] = write(Drawing(figure, "C.", "A."), name, tmp_path / "demo")
    main(["gallery", str(tmp_path / "demo"), str(tmp_path)])
    for name, stem in stems.items():
        before = Image.open(f"{stem}.png").convert("RGB")
        before.thumbnail((1200, 10_000), Image.Resampling.LANCZOS)
        old = np.asarray(before).astype(int)
        new = np.asarray(Image.open(tmp_path / f"pictures/{name}.png").convert("RGB")).astype(int)
        grey = np.ptp(old, axis=2) == 0
        assert np.ptp(new[grey], axis=1).max() == 0
        assert np.abs(new - old)[grey].max() <= 2
        assert (new[(old == 255).all(axis=2)] == 255).all()


@pytest.mark.parametrize(
    ("files", "first"), [([], "snakemake"), (["study.yaml"], "innerloop record")]
)
def test_a_study_without_figures_is_named(tmp_path, files, first):
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(SystemExit, match=f"has no figures.*run `{first}"):
        main(["gallery", str(tmp_path), str(tmp_path)])
