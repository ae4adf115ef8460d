"""A study's figures as a page with pictures."""

from __future__ import annotations

import re

import matplotlib.figure
import pytest
from PIL import Image

from innerloop.commands import main
from innerloop.render.drawing import Drawing
from innerloop.render.files import write_drawing
from innerloop.render.registry import FIGURES


def test_every_figure_has_its_picture_title_and_caption(tmp_path):
    study, out = tmp_path / "demo", tmp_path / "docs"
    names = [*FIGURES][:3]
    for name in reversed(names):
        figure = matplotlib.figure.Figure(figsize=(8, 3))
        figure.subplots().plot([1, 2])
        drawing = Drawing(figure, f"Caption of {name}.", f"Alt of {name}.")
        write_drawing(drawing, FIGURES[name], study / "figures" / name)
    main(["gallery", str(study), str(out)])
    page = (out / "gallery.md").read_text()
    shown = re.findall(r"!\[Alt of (\w+)\.\]\((pictures/\w+\.png)\)", page)
    assert shown == [(name, f"pictures/{name}.png") for name in names]
    for name, path in shown:
        assert FIGURES[name].title in page
        assert f"Caption of {name}." in page
        assert Image.open(out / path).width == 1200


def test_a_study_without_figures_is_named(tmp_path):
    with pytest.raises(SystemExit, match="has no figures"):
        main(["gallery", str(tmp_path), str(tmp_path)])
