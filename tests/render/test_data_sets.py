"""Whose pictures a report shows."""

from __future__ import annotations

import copy
import json
from importlib.resources import files

import pytest
from jinja2 import Environment

from innerloop.data.acquire.registry import read_registry
from innerloop.data.licence import UNSTATED
from innerloop.data.sources import digits, people, scripts, symbols
from innerloop.measurements.described_study import DescribedStudy
from innerloop.render.provenance import data_sets, model_rows, protocols, shared_facts
from innerloop.runtime.files import write_json
from synthetic import STUDIES, describe


@pytest.mark.parametrize(
    ("licence", "shown"), [({"redistributable": True}, 1), ({"redistributable": False}, 0), ({}, 0)]
)
def test_only_pictures_that_may_be_passed_on_are_shown(tmp_path, licence, shown):
    (tmp_path / "manifest.json").write_text(
        json.dumps({"dataset": "birds", "licence": licence}), encoding="utf-8"
    )
    sheet = tmp_path / "samples.png"
    study = DescribedStudy(STUDIES["full"][0])
    (entry,) = data_sets([tmp_path / "manifest.json"], [sheet], study)
    assert (len(entry["samples"]), len(entry["withheld"])) == (shown, 1 - shown)


@pytest.mark.parametrize(
    ("distinct", "places", "said"),
    [
        (6000, {}, "No two of its 6,000 images are equal."),
        (
            5990,
            {"in_several_splits": 3, "in_several_classes": 2},
            "Of its 6,000 images 5,990 are different; 3 of these are in more than one split, "
            "2 in more than one class of a split.",
        ),
        (5990, {"in_several_splits": 3}, "different; 3 of these are in more than one split."),
        (None, {}, ""),
    ],
)
def test_equal_images_are_told(tmp_path, distinct, places, said):
    counted = {"images": 6000, "distinct": distinct, **places}
    described = copy.deepcopy(STUDIES["full"][0])
    described["datasets"]["birds"] = {"equal_images": counted if distinct else {}}
    (tmp_path / "manifest.json").write_text('{"dataset": "birds"}', encoding="utf-8")
    (entry,) = data_sets([tmp_path / "manifest.json"], [], DescribedStudy(described))
    page = files("innerloop.render").joinpath("templates/report.html").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if "Source: <code>" in line]
    text = Environment(autoescape=True).from_string(line).render(data=entry)
    assert said in text
    assert ("images" in text) == bool(said)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("innerloop.data.sources.scripts:source", "letters of fourteen writing systems in "),
        ("my_images.py:source", "Two kinds of birds, seen\nfrom above."),
        ("of_another_machine.py:source", ""),
        ("mini_imagenet", ""),
    ],
)
def test_what_the_images_are_is_said_in_the_words_of_their_source(
    tmp_path, monkeypatch, source, said
):
    monkeypatch.chdir(tmp_path)
    mine = '"""Two kinds of birds, seen\nfrom above.\n\nMore."""\nraise ValueError\n'
    (tmp_path / "my_images.py").write_text(mine, encoding="utf-8")
    manifest = json.dumps({"dataset": "birds", "source": source})
    (tmp_path / "manifest.json").write_text(manifest, encoding="utf-8")
    (entry,) = data_sets([tmp_path / "manifest.json"], [], DescribedStudy(STUDIES["full"][0]))
    assert entry["about"].startswith(said)
    assert bool(entry["about"]) == bool(said)


@pytest.mark.parametrize(("url", "linked"), [("https://a.org/x", 1), ("javascript:alert(1)", 0)])
def test_terms_are_a_link_to_an_address_alone(url, linked):
    page = files("innerloop.render").joinpath("templates/report.html").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if "<b>Licence:</b>" in line]
    text = Environment(autoescape=True).from_string(line).render(data={"licence": {"url": url}})
    assert text.count("<a href") == linked


def test_the_embedded_sets_and_omniglot_may_be_passed_on_and_no_others():
    embedded = [module.source.licence for module in (digits, people, scripts, symbols)]
    assert all(licence.redistributable for licence in embedded)
    assert not UNSTATED.redistributable
    free = {
        name for name, each in read_registry().collections.items() if each.licence.redistributable
    }
    assert free == {"omniglot", "omniglot_small"}


def test_trainings_are_said_to_last_until_the_last_one_has_ended(tmp_path):
    paths = [tmp_path / name / "model.json" for name in ("a", "b")]
    runs = (("2026-11-28 12:39:35+00:00", 1620, 0), ("2026-11-28 12:46:09+00:00", 90, 60))
    for path, (date, *seconds) in zip(paths, runs, strict=True):
        write_json(path, {})
        spent = dict(zip(("wall_seconds", "earlier_seconds"), seconds, strict=True))
        write_json(path.with_name("run.json"), {"date": date, **spent})
    models = model_rows(paths, DescribedStudy(describe()), {})
    trained = dict(shared_facts([], models))["Models trained"]
    assert trained == "2026-11-28 12:39:35+00:00 to 2026-11-28 13:06:35+00:00"


def test_models_that_say_their_device_alone_have_no_time(tmp_path):
    path = tmp_path / "model.json"
    write_json(path, {"device": "cpu"})
    facts = dict(shared_facts([], model_rows([path], DescribedStudy(describe()), {})))
    assert "Models trained" not in facts
    assert "cpu" in facts.values()


def test_parameters_are_said_as_elsewhere_in_the_report():
    description = describe(("maml",), (), settings=("5w1s",), others=())
    said = {"test_step_size": None, "network_options": {"pool": "none"}, "iterations": 2_000_000}
    description["models"][0] |= said
    protocol, *_ = protocols(DescribedStudy(description))
    shown = dict(protocol["shared"])
    assert [shown[key.replace("_", " ")] for key in said] == ["–", "pool none", "2000000"]
