"""The report in a real browser: quiet, self-contained, sortable, narrow enough, legible."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64decode

import pytest
from browser import CHROMIUM, Browser

from innerloop.render.inline_svg import contrast
from innerloop.render.inline_svg import dark as dark_colour

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

WIDTHS = (1280, 390)

DECODED = """Promise.all([...document.images].map((image) => {
  image.loading = "eager";  // a lazy one that is out of sight is never decoded
  return image.decode().then(() => image.naturalWidth > 0, () => false);
}))"""

#: Text of the cells of a column, in the order of the rows.
COLUMN = """((id, column) => [...document.querySelectorAll(`#${id} tbody tr`)]
    .map((row) => row.cells[column].textContent.trim()))"""

#: Contrast of every element that holds text itself against the nearest ground that is painted.
CONTRASTS = """(() => {
  const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgb("Canvas");
  };
  return [...document.body.querySelectorAll("*")]
    .filter((e) => !["SCRIPT", "STYLE"].includes(e.tagName))
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .map((e) => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
      return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 80)];
    })
    .sort((a, b) => a[0] - b[0])[0];
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def page(browser, report_file):
    """Opens the report at a width."""

    def opened(width=1280, **options):
        browser.open(report_file.as_uri(), width, **options)
        return browser

    return opened


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_goes_wrong_and_nothing_is_fetched(page, report_file, width):
    found = page(width)
    assert all(found.evaluate(DECODED))
    found.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    names = [name for name, _ in found.events]
    assert "Runtime.exceptionThrown" not in names
    assert "Runtime.consoleAPICalled" not in names
    assert "Log.entryAdded" not in names, found.events
    asked = [
        event["request"]["url"]
        for name, event in found.events
        if name == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if not url.startswith("data:")] == [report_file.as_uri()]


def test_there_are_images_to_decode(page):
    assert len(page().evaluate(DECODED)) == 2


@pytest.mark.parametrize("width", [390, 320, 1280])
def test_the_page_never_scrolls_sideways(page, width):
    found = page(width)
    found.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert found.evaluate("document.documentElement.scrollWidth") <= width


SIDEWAYS = """[...document.querySelectorAll("*")].filter((e) => e.scrollWidth > e.clientWidth + 1
  && ["auto", "scroll"].includes(getComputedStyle(e).overflowX))"""
#: A point of the right edge of a region, below its border.
EDGE = """(() => {
  const region = document.querySelector("#own_accuracy .scroll");
  region.scrollIntoView();
  region.scrollLeft = %s * region.scrollWidth;
  const box = region.getBoundingClientRect();
  return [box.right - 2, box.top + 4];
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_what_scrolls_sideways_has_a_shadow_where_there_is_more(page, dark):
    found = page(390, dark=dark)
    found.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    ends = [found.pixel(*found.evaluate(EDGE % scrolled)) for scrolled in (0, 1)]
    assert max(abs(more - end) for more, end in zip(*ends, strict=True)) > 40
    shadow = "getComputedStyle(e).backgroundAttachment.startsWith('local, local, scroll, scroll')"
    assert found.evaluate(f"{SIDEWAYS}.every((e) => {shadow})")


#: Puts a clipboard in place of the browser's own, and copies the last code of the page.
COPY = """((write) => {
  Object.defineProperty(navigator, "clipboard", { value: { writeText: write } });
  const code = [...document.querySelectorAll("pre")].at(-1), button = code.previousElementSibling;
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  button.click();
  return new Promise((done) => setTimeout(() =>
    done([window.copied ?? String(getSelection()), code.textContent, button.textContent])));
})"""


def test_the_study_file_is_copied_whole(page):
    clipboard = "(text) => { window.copied = text; return Promise.resolve(); }"
    copied, shown, said = page().evaluate(f"{COPY}({clipboard})")
    assert copied == shown
    assert json.loads(shown)["study"]
    assert said == "Copied"


def test_it_is_selected_where_the_browser_keeps_its_clipboard(page):
    selected, shown, said = page().evaluate(f"{COPY}(() => Promise.reject(new Error()))")
    assert json.loads(selected) == json.loads(shown)
    assert "Ctrl+C" in said


def test_a_column_sorts_up_down_and_back(page):
    found, table, column = page(), "p1_table1_accuracy", 1
    button = f"document.querySelectorAll('#{table} th button')[{column}]"
    before = found.evaluate(f"{COLUMN}('{table}', {column})")
    numbers = sorted((float(text.split()[0]), text) for text in before)
    orders = []
    for _ in range(3):
        found.evaluate(f"{button}.click()")
        orders.append(found.evaluate(f"{COLUMN}('{table}', {column})"))
    up, down, back = orders
    assert up == [text for _, text in numbers]
    assert down == up[::-1]
    assert back == before
    assert before not in (up, down)


def test_the_keyboard_sorts(page):
    found = page()
    found.evaluate("document.querySelectorAll('#p1_table1_accuracy th button')[1].focus()")
    found.press("Enter", 13)
    heading = "document.querySelectorAll('#p1_table1_accuracy th')[1]"
    assert found.evaluate(f"{heading}.getAttribute('aria-sort')") == "ascending"


def test_the_keyboard_reaches_results_and_scrolled_tables(page):
    found = page(390)
    found.press("Tab", 9)
    assert found.evaluate("document.activeElement.className") == "skip"
    found.press("Enter", 13)
    assert found.evaluate("location.hash") == "#paper-own"
    assert found.evaluate(f"{SIDEWAYS}.filter((e) => e.tabIndex < 0).length") == 0


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(page, dark):
    found = page(dark=dark)
    found.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    lowest, where = found.evaluate(CONTRASTS)
    assert lowest >= 4.5, where


def test_dark_is_dark(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page(dark=True).evaluate(ground) != page(dark=False).evaluate(ground)


def test_every_picture_and_region_has_a_name(page):
    found = page()
    assert found.evaluate("[...document.images].every((image) => image.alt.length > 20)")
    figures = "[...document.querySelectorAll('svg')].map((e) => e.parentElement)"
    assert found.evaluate(f"{figures}.every((e) => e.role && e.ariaLabel.length > 20)")
    regions = "[...document.querySelectorAll('[role=region]')].map((e) => e.ariaLabel)"
    names = found.evaluate(regions)
    assert all(names)
    assert len(names) == len({*names})


def test_the_study_s_own_results_come_first_then_claims_then_papers(page):
    sections = "[...document.querySelectorAll('main section')].map((e) => e.id)"
    order = ["paper-own", "verdicts", "paper-p1", "paper-p2", "paper-questions"]
    assert page().evaluate(sections)[: len(order)] == order
    verdicts = "[...document.querySelectorAll('#own_claims .verdict')].map((e) => e.textContent)"
    found = page().evaluate(verdicts)
    assert len(found) > 20
    assert any(text == "holds on stand-in data" for text in found)
    assert "holds" not in found


FIGURE = "document.getElementById('p1_figure2_cka')"
#: Moves the pointer over a point of a curve, and returns what is said there, or null.
HOVER = f"""((name) => {{
  const figure = {FIGURE}, svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const curves = JSON.parse(figure.querySelector("script").textContent);
  const [left, top] = curves.find((curve) => curve.name === name).points.at(-1);
  const scale = box.width / svg.viewBox.baseVal.width;
  const at = {{ clientX: box.left + left * scale + 1, clientY: box.top + top * scale }};
  svg.parentElement.dispatchEvent(new PointerEvent("pointermove", at));
  return figure.querySelector("output")?.textContent ?? null;
}})"""
#: The file that a button of the figure saves: its type and its text, or a picture's width.
SAVED = f"""((kind) => new Promise((resolve) => {{
  URL.createObjectURL = (blob) => {{
    if (kind === "PNG") createImageBitmap(blob).then(({{ width }}) => resolve([blob.type, width]));
    else blob.text().then((text) => resolve([blob.type, text]));
    return "#";
  }};
  [...{FIGURE}.querySelectorAll("button")].find((b) => b.textContent === kind).click();
}}))"""


def test_a_point_says_its_value(page, report_file):
    drawn = json.loads(report_file.with_name("p1_figure2_cka.json").read_text(encoding="utf-8"))
    maml = next(curve for curve in drawn["curves"] if curve["name"] == "MAML")
    *_, at, value, low, high = maml["points"][-1]
    said = page().evaluate(f"{HOVER}('MAML')").split("\n")
    assert said[0].split() == ["MAML,", at]
    assert said[1] == f"{maml['value']}: {value:.4g} ({low:.4g} to {high:.4g})"


def test_the_legend_hides_a_method_and_shows_it_again(page):
    found, entry = page(), f"{FIGURE}.querySelector('[aria-label=\"Show MAML\"]')"
    parts = f"[...{FIGURE}.querySelectorAll('[data-curve=MAML]')]"
    shown = f"{parts}.map((part) => getComputedStyle(part).display !== 'none')"
    assert len(found.evaluate(shown)) > 3
    assert all(found.evaluate(shown))
    found.evaluate(f"{entry}.focus()")
    found.press("Enter", 13)
    assert not any(found.evaluate(shown))
    assert found.evaluate(f"{entry}.ariaPressed") == "false"
    assert "MAML," not in (found.evaluate(f"{HOVER}('MAML')") or "")
    others = f"{FIGURE}.querySelector('[data-curve=ANIL]').checkVisibility()"
    assert found.evaluate(others)
    found.evaluate(f"{entry}.dispatchEvent(new Event('click'))")
    assert all(found.evaluate(shown))


def test_a_folded_figure_of_every_method_comes_alive_when_it_is_opened(page):
    found = page()
    fuller = "document.getElementById('p1_figure2_cka_fuller')"
    assert not found.evaluate(f"{FIGURE}.closest('details')")
    curves = "[...new Set([...%s.querySelectorAll('[data-curve]')].map((c) => c.dataset.curve))]"
    own, every = (found.evaluate(curves % figure) for figure in (FIGURE, fuller))
    assert {*own} < {*every}
    assert "BOIL" not in own
    entries = f"{fuller}.querySelectorAll('.entry').length"
    assert found.evaluate(entries) == 0
    found.evaluate(f"{fuller}.closest('details').open = true")
    opened = "new Promise((done) => setTimeout(() => done(%s)))"
    assert found.evaluate(opened % entries) == len(every)
    widths = f"[...{fuller}.querySelectorAll('.entry')].map((e) => +e.getAttribute('width'))"
    assert min(found.evaluate(widths)) > 10
    assert found.evaluate(f"{fuller}.querySelectorAll('button').length") == 3
    found_once = "document.querySelector('.lead').textContent.split('The layer that adaptation')"
    assert found.evaluate(f"{found_once}.length") == 2


def test_figures_and_tables_are_saved_from_the_page_alone(page, report_file):
    found = page(dark=True)
    links = "[...document.querySelectorAll('.downloads a')].map((a) => [a.download, a.href])"
    files = dict(found.evaluate(links))
    assert {"p1_figure2_cka.pdf", "p1_table1_accuracy.csv", "p1_table1_accuracy.tex"} <= {*files}
    for name, uri in files.items():
        written = report_file.with_name(name.removeprefix("own_").removeprefix("questions_"))
        assert b64decode(uri.partition(",")[2]) == written.read_bytes(), name
    kind, width = found.evaluate(f"{SAVED}('PNG')")
    assert (kind, width > 1000) == ("image/png", True)
    kind, text = found.evaluate(f"{SAVED}('SVG')")
    assert (kind, "var(" in text) == ("image/svg+xml", False)
    assert "#0173b2" in text
    kind, text = found.evaluate(f"{SAVED}('CSV')")
    rows = [*csv.DictReader(io.StringIO(text))]
    assert {row["curve"] for row in rows} >= {"MAML", "ANIL"}
    assert {"conv1", "head"} <= {row["at"] for row in rows}
    assert all(float(row["low"]) <= float(row["value"]) for row in rows)


def test_figures_are_dark_in_the_dark(page):
    drawn = f"getComputedStyle({FIGURE}.querySelector('[data-curve=MAML] path')).stroke"
    written = f"getComputedStyle({FIGURE}.querySelector('[data-legend=MAML] > g[style]')).fill"
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for dark in (False, True):
        found = page(dark=dark)
        seen[dark] = [_hex(found.evaluate(what)) for what in (drawn, written, ground)]
    assert seen[False] == ["#0173b2", "#262626", "#ffffff"]
    curve, text, behind = seen[True]
    assert behind == dark_colour("#ffffff")
    assert curve == dark_colour("#0173b2")
    assert contrast(curve, behind) >= 4.5
    assert contrast(text, behind) >= 7


def _hex(rgb):
    return "#" + "".join(f"{int(channel):02x}" for channel in re.findall(r"\d+", rgb))
