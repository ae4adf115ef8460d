"""Whatever a user calls things, figures show it: as written, whole, and on nothing else."""

from __future__ import annotations

import json
import warnings
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from innerloop.measurements.evidence import Evidence
from innerloop.render import fonts
from innerloop.render.drawing import Drawing
from innerloop.render.files import write_drawing
from innerloop.render.fonts import families_for, width_of, wrapped
from innerloop.render.style import Look, legend_below, theme, titles_of
from innerloop.runtime.extensions import load_entry
from shipped import FIGURES, about
from synthetic import LEARNED, describe, write_tables

NEEDED = ("step_size", "step_size_value", "cka", "protonet", "training", "accuracy")
LONG = "Meta-SGD (uniform start between 0.005 and 0.1, one step size for each weight, variant {})"
SHOW_LABELS = ("negative_step_sizes", "p1_figure6_cka_transfer_by_method", "p2_figure7_prototypes")

ABOUT = about(FIGURES["p1_figure2_cka"])


def drawn(folder, count, name, label=LONG):
    """A figure of a study of `count` learners of one long label each."""
    learners = LEARNED[:count]
    description = describe(learners[:2], learners, settings=("5w1s",), others=())
    for protocol in description["protocols"].values():
        protocol["labels"] = {name: label.format(i) for i, name in enumerate(protocol["variants"])}
    reads = FIGURES[name].reads
    tables = write_tables(
        folder, description, episodes=4, omit=[n for n in NEEDED if n not in reads]
    )
    return load_entry(FIGURES[name].entry)(Evidence(tables, description)).figure


def boxes(figure: Figure):
    """Every text but the numbers at ticks, with the rectangle it covers in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    with theme():
        figure.draw(renderer)
    ticks = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for label in axis.get_ticklabels(which="both")
    }
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and id(t) not in ticks]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in texts if t.get_visible()]


def require_fit(figure: Figure, at_least: str):
    found = boxes(figure)
    assert at_least in "".join(" ".join(text for text, _ in found).split())
    page = figure.bbox
    for text, box in found:
        assert page.x0 <= box.x0, text
        assert box.x1 <= page.x1, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
    for (one, first), (other, second) in combinations(found, 2):
        apart = (
            min(first.x1, second.x1) - max(first.x0, second.x0) < 1
            or min(first.y1, second.y1) - max(first.y0, second.y0) < 1
        )
        assert apart, f"{one!r} lies on {other!r}"


@pytest.mark.parametrize("count", [1, 2, 4])
def test_labels_of_learned_step_sizes_fit(count, tmp_path):
    figure = drawn(tmp_path, count, "p2_figure6_step_sizes")
    require_fit(figure, LONG.format(count - 1).replace(" ", ""))


@pytest.mark.parametrize("name", SHOW_LABELS)
def test_long_labels_fit(name, tmp_path):
    require_fit(drawn(tmp_path, 3, name), LONG.format(1).replace(" ", ""))


SIGNS = (
    "costs $5 or $6",
    "$a^b^c$",
    r"my $\alphaa$",
    "one $",
    "_mine_",
    "a^2_",
    r"\frac{1}{",
)


def test_no_sign_in_a_label_is_mathematics(tmp_path):
    with theme():
        figure = Figure(figsize=(9, 6))
        for axes, label in zip(figure.subplots(2, 4).flat, SIGNS, strict=False):
            axes.set_title(label)
            axes.set_xticks([0, 1], [label, "x"])
        legend_below(figure, [Look(label, "0.1", "o") for label in SIGNS])
    write_drawing(Drawing(figure, "C.", "A."), ABOUT, tmp_path / "figure")
    texts = [text for text, _ in boxes(figure)]
    assert [texts.count(label) for label in SIGNS] == [2] * len(SIGNS)  # title and legend
    parsed = [t.get_text() for t in figure.findobj(Text) if t.get_parse_math() and t.get_text()]
    assert parsed == []


def test_powers_of_ten_are_text(drawing_of):
    labels = {
        text.get_text()
        for name in ("effective_step_sizes", "scale_invariance")
        for axes in drawing_of(name, "full").figure.axes
        for text in axes.get_yticklabels()
    }
    assert {"10⁻²", "10⁻³"} <= labels
    assert not [label for label in labels if set("$\\{}^") & set(label)]


def test_signs_that_no_font_has_are_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fonts, "_others", tuple)
    with theme():
        figure = Figure(figsize=(6, 3))
        figure.subplots().set_title("β 少样本")
        legend_below(figure, [Look("हिन्दी", "0.1", "o"), Look("plain", "0.2", "s")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_drawing(Drawing(figure, "C.", "A."), ABOUT, tmp_path / "figure")
    caption = json.loads((tmp_path / "figure.json").read_text(encoding="utf-8"))["caption"]
    assert caption.startswith("C. No font of the machine")
    assert "“β 少样本”, “हिन्दी”" in caption
    assert "warning: figure: No font" in capsys.readouterr().out
    assert "plain" not in caption


def test_another_font_of_the_machine_has_what_ours_lacks(monkeypatch):
    """A font of the machine is asked only where our own lacks a sign, and then by its signs."""
    other = next(e for e in fonts.fontManager.ttflist if e.name == "DejaVu Serif")
    monkeypatch.setattr(fonts, "_others", lambda: (other,))
    monkeypatch.setattr(
        fonts, "_signs_of", lambda path: frozenset("少样" if path == other.fname else "abc ")
    )
    assert families_for("cab") == ([fonts.OWN], set())
    assert families_for("ab少样 ") == ([fonts.OWN, "DejaVu Serif"], set())
    assert families_for("a少本") == ([fonts.OWN, "DejaVu Serif"], {"本"})
    figure = Figure()
    text = figure.text(0.5, 0.5, "a少")
    assert fonts.give_fonts(figure) == ""
    assert text.get_fontfamily() == [fonts.OWN, "DejaVu Serif"]


def test_signs_without_ink_need_no_font():
    assert families_for("a\n b\t\u200b\ufe0f") == ([fonts.OWN], set())


@pytest.mark.parametrize("text", ["short", "a b " * 30, "x" * 200, "_" * 90 + " end", "少" * 40])
def test_wrapped_text_is_all_there_and_no_wider(text):
    lines = wrapped(text, 1.5, 9).split("\n")
    assert max(width_of(line, 9) for line in lines) <= 1.5
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize("inches", [1.1, 1.35, 2.0])
def test_a_title_keeps_a_number_with_its_unit_and_ways_with_shots(inches):
    text = "miniImageNet, sample, 32 px, 5-way 1-shot, 10 steps"
    title = titles_of(Figure(), {"": text}, inches, 1)[""].replace("\N{NO-BREAK SPACE}", " ")
    assert title.replace("\n", " ") == text
    assert all(kept in title for kept in ("32 px", "5-way 1-shot", "10 steps"))
