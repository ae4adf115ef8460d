"""The three programs of this stage, from aggregates to a report that needs nothing else."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser

import pytest
from products import FIGURES, PRINTED, make, run

from innerloop.papers.paper import read_paper
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import load_entry
from shipped import CLAIMS, OF_GRIDS, TABLES
from shipped import FIGURES as SHIPPED


@pytest.mark.parametrize("name", FIGURES[:1])
def test_figures_have_the_same_bytes_every_time(name, tables_of, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        make("draw_figure", name, tables_of("full"), folder)
    for suffix in (".pdf", ".png", ".svg", ".json"):
        one, two = ((folder / f"{name}{suffix}").read_bytes() for folder in folders)
        assert one == two, suffix
        assert len(one) > 300
    assert sorted(path.suffix for path in folders[0].glob(f"{name}.*")) == sorted(
        [".pdf", ".png", ".svg", ".json"]
    )


def test_a_table_is_numbers_latex_and_text(tables_of, tmp_path):
    make("write_table", "p1_table1_accuracy", tables_of("full"), tmp_path)
    stem = tmp_path / "p1_table1_accuracy"
    rows = list(csv.DictReader(stem.with_suffix(".csv").open(encoding="utf-8")))
    assert float(rows[0]["mean"]) > 30
    assert r"\toprule" in stem.with_suffix(".tex").read_text(encoding="utf-8")
    about = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["columns"][0] == "Method"
    assert len(about["rows"]) == 9


def test_a_mistyped_table_is_refused(tables_of, tmp_path):
    with pytest.raises(ConfigError, match="own/tables: no 'acuracy'; did you mean 'accuracy'"):
        make("write_table", "acuracy", tables_of("two_methods"), tmp_path)


class _Page(HTMLParser):
    """What a page loads, links to, shows and says."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.links, self.ids, self.alts, self.text = [], [], set(), [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "a":
            self.links.append(attributes["href"])
        else:
            self.loaded += [
                attributes[key] for key in ("src", "href", "srcset") if key in attributes
            ]
        if "id" in attributes:
            self.ids.add(attributes["id"])
        if tag == "img":
            self.alts.append(attributes["alt"])

    def handle_data(self, data):
        self.text += data


def test_the_report_loads_nothing_from_elsewhere(report):
    page = _Page(report)
    assert page.loaded
    assert all(source.startswith("data:") for source in page.loaded)
    assert "url(" not in report.replace("url(#", "")
    assert "@import" not in report


def test_the_report_holds_every_figure_and_table(report):
    page = _Page(report)
    made = [*(TABLES[name] for name in PRINTED[:-1]), *(SHIPPED[name] for name in FIGURES)]
    ids = {f"{product.paper}_{product.name}" for product in made if product.name not in OF_GRIDS}
    assert ids <= page.ids
    assert "own_sharpness" in page.ids
    assert len(page.alts) == 2
    assert report.count("<svg") == len(FIGURES)
    assert all(page.alts)
    assert "Probe: sharpness" in page.text


def test_the_report_begins_with_what_was_found_and_ends_that_with_the_claims(report, evidence_of):
    text = _Page(report).text.replace("\N{NO-BREAK SPACE}", " ")
    tables = ("accuracy", "p2_table1_step_sizes", "claims")
    found = [load_entry(TABLES[name].entry)(evidence_of("full")).finding for name in tables]
    assert all(found)
    places = [text.find(finding) for finding in found]
    assert 0 < places[0] < places[1] < places[2] < text.index("Data and licences")


def test_it_says_what_the_papers_ask_and_whom_verdicts_are_about_before_them(report):
    text = " ".join(_Page(report).text.split())
    asked = [read_paper(name).facts.asks for name in ("p1", "p2")]
    assert all(asked)
    whom = text.index("Each claim is judged twice.")
    assert max(text.index(question) for question in asked) < whom
    assert whom < min(text.index(claim.claim) for claim in CLAIMS if claim.claim in text)


def test_the_images_are_shown_before_any_claim(report):
    assert 0 < report.index('<img class="sheet"') < report.index('id="verdicts"')
    assert report.count('<img class="sheet"') == 2


def test_links_inside_the_report_lead_somewhere(report):
    page = _Page(report)
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids


def test_links_out_of_the_report_lead_to_pages_alone(report):
    links = [link for link in _Page(report).links if not link.startswith(("#", "data:"))]
    assert not [link for link in links if not link.startswith(("http://", "https://"))]
    assert "javascript:" not in report.replace("application/javascript", "")


def test_the_report_says_how_results_were_made(report):
    text = _Page(report).text
    for said in (
        "abacus",
        "c0de",
        "da7a",
        "2.13",
        "Drawn by somebody",
        "step size",
        "snakemake",
        "812 MB",
        "2026-11-28 13:40:38",
        "daf35e0c1f2a and changes",
        "babbage",
        "Mill 2",
        "This report written",
    ):
        assert said in text, said
    assert "stand-in data" in text
    assert "The verdicts are about these models, and say nothing about the papers’ data" in text


def test_the_report_shows_every_variant_of_a_data_set_s_images(report):
    text = " ".join(_Page(report).text.split())
    for said in (
        "small 28 87.5 % 8,224 d16e5728",
        "large 84 87.5 % 8,224 d16e5784",
        "Classes divided by: Somebody: 64/16/20.",
        "The 2 files they were made from",
        "symbols.tar https://example.org f11e",
        "Symbols/ own folder",
    ):
        assert said in text, said


def test_text_from_files_is_never_markup(report):
    assert "CC BY-SA 4.0 &lt;script&gt;" in report


def test_the_report_replaces_that_of_a_part(report_file, tmp_path):
    partial = tmp_path / "report-partial.html"
    partial.write_text("", encoding="utf-8")
    study = report_file.with_name("study.json")
    config = json.dumps({"title": "Synthetic"})
    run("write_report", "--study", study, "--config", config, "--out", tmp_path / "report.html")
    assert "This report is of part" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not partial.exists()
