"""What a page knows of a figure: its curves' values, and its colours in the dark."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from innerloop.render.drawing import Drawing
from innerloop.render.files import About, write_drawing
from innerloop.render.inline_svg import contrast, dark, inline_svg
from innerloop.render.style import Look, legend_below, panels, theme

CHANNELS = st.tuples(*[st.integers(0, 255)] * 3)
LOOKS = [Look("A & <b>", "#0173b2", "o"), Look("C", "#d55e00", "s")]


def _hex(channels):
    return "#" + "".join(f"{channel:02x}" for channel in channels)


@pytest.fixture
def written(tmp_path):
    """A figure of two panels: names along x with intervals along y, and the other way round."""
    with theme():
        figure, axes = panels(1, 2, (3, 2))
        for offset, look in zip((-0.1, 0.1), LOOKS, strict=True):
            across = np.arange(3) + offset
            axes[0][0].errorbar(across, [1, 2, np.nan], yerr=[[0.5] * 3, [0.25] * 3], **look.line())
        axes[0][0].set_xticks(range(3), ["one", "two", "three"])
        axes[0][0].set_ylabel("height")
        axes[0][1].errorbar([5.0], [0], xerr=[[1], [2]], **LOOKS[0].line())
        axes[0][1].set_yticks([0], ["A"])
        axes[0][1].set_xlabel("length")
        legend_below(figure, LOOKS)
        write_drawing(Drawing(figure, "", ""), About("own", "f", "F"), tmp_path / "f")
    return tmp_path / "f.json"


def test_values_are_those_drawn_with_names_and_intervals(written):
    curves = json.loads(written.read_text(encoding="utf-8"))["curves"]
    assert [curve["name"] for curve in curves] == ["A & <b>", "C", "A & <b>"]
    assert [point[2:] for point in curves[0]["points"]] == [
        ["one", 1, 0.5, 1.25],
        ["two", 2, 1.5, 2.25],
    ]
    assert curves[0]["value"] == "height"
    assert [point[2:] for point in curves[2]["points"]] == [["A", 5, 4, 7]]
    assert curves[2]["value"] == "length"


def test_panels_above_others_have_the_names_of_the_axis_that_they_share(tmp_path):
    with theme():
        figure, axes = panels(2, 1, (3, 2), sharex=True)
        for (panel,) in axes:
            panel.plot([0.1, 1.1], [3, 4], **LOOKS[1].line())
            panel.set_xticks([0, 1], ["one", "two"])
        write_drawing(Drawing(figure, "", ""), About("own", "f", "F"), tmp_path / "f")
    curves = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))["curves"]
    assert [[point[2] for point in curve["points"]] for curve in curves] == [["one", "two"]] * 2


def test_points_stand_where_markers_do(written):
    svg = written.with_suffix(".svg").read_text(encoding="utf-8")
    markers = re.findall(r'<use [^>]*x="([\d.]+)" y="([\d.]+)"', svg)
    curves = json.loads(written.read_text(encoding="utf-8"))["curves"]
    drawn = np.array(markers, float)
    for curve in curves:
        for left, top, *_ in curve["points"]:
            assert np.abs(drawn - [left, top]).max(1).min() < 0.06


def test_every_part_of_a_curve_has_its_name(written):
    svg = written.with_suffix(".svg").read_text(encoding="utf-8")
    # each error bar: the line with its markers, two caps, the whiskers
    assert svg.count('data-curve="A &amp; &lt;b&gt;"') == 2 * 4
    assert svg.count('data-curve="C"') == 4
    assert svg.count('data-legend="C"') == 2
    assert "<g id=" not in svg


def test_identifiers_of_two_figures_do_not_meet(written):
    one, other = (inline_svg(written.with_suffix(".svg"), name)[0] for name in ("one", "other"))
    found = [set(re.findall(r' id="(.*?)"', text)) for text in (one, other)]
    assert found[0]
    assert not found[0] & found[1]
    assert set(re.findall(r'(?:href="|url\()#(.*?)["\)]', one)) <= found[0]


@given(CHANNELS)
def test_what_is_drawn_stands_out_in_the_dark(channels):
    colour = _hex(channels)
    if max(channels) - min(channels) > 8:
        assert contrast(dark(colour), dark(_hex((255, 255, 255)))) >= 4.5


@given(st.integers(0, 255), st.integers(0, 255))
def test_darker_greys_stand_out_more_from_either_ground(one, other):
    light = [contrast(_hex([grey] * 3), "#ffffff") for grey in (one, other)]
    black = [contrast(dark(_hex([grey] * 3)), dark("#ffffff")) for grey in (one, other)]
    assert (light[0] - light[1]) * (black[0] - black[1]) >= 0
