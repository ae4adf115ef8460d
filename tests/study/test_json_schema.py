"""The schema of study files is made from the classes whose fields are its keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from innerloop.commands import main
from innerloop.learners.gradient_based.method import Method
from innerloop.runtime.built_in import network_entry
from innerloop.specs.probe_options import OPTIONS
from innerloop.study import choices
from innerloop.study.json_schema import study_schema
from innerloop.study.keys import ComputeKeys

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/study-files.md").read_text(encoding="utf-8")


def test_the_file_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """After an edit of a key: `innerloop schema study >lib/innerloop/study/schema.json`."""
    main(["schema", "study"])
    file = ROOT / "lib/innerloop/study/schema.json"
    assert file.read_text(encoding="utf-8") == capsys.readouterr().out


def keys(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key, by its place."""
    if isinstance(schema, dict):
        for name, key in schema.get("properties", {}).items():
            yield f"{place}.{name}", key
        for name, inner in schema.items():
            yield from keys(inner, f"{place}.{name}")


def test_every_key_is_described() -> None:
    assert [place for place, key in keys(study_schema()) if not key.get("description")] == []


def test_defaults_are_those_of_the_fields() -> None:
    schema = study_schema()
    chosen = schema["$defs"]["choices"]["properties"]
    assert {name: key.get("default", choices.BASE.get(name)) for name, key in chosen.items()} == {
        name: choices.BASE.get(name) for name in choices.NAMES
    }
    method = schema["properties"]["methods"]["additionalProperties"]["properties"]
    assert method["adapts"]["default"] == Method("").adapts
    assert schema["properties"]["compute"]["properties"]["save_every"]["default"] == (
        ComputeKeys().save_every
    )


def test_every_section_is_on_the_page() -> None:
    assert [key for key in study_schema()["properties"] if f"`{key}`" not in PAGE] == []


def test_every_choice_is_on_the_page_with_its_default() -> None:
    table = PAGE.partition("| choice |")[2].partition("\n\n")[0]
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| ?(.*) \|$", table, re.M))
    assert shown.pop("iterations") == "none: must be given"
    defaults = {name: yaml.safe_load(text) if text else None for name, text in shown.items()}
    defaults["network"] = network_entry(defaults["network"])
    assert defaults == {name: value or None for name, value in choices.BASE.items()} | {
        "first_order": False
    }


def test_every_built_in_probe_is_on_the_page_with_its_options() -> None:
    table = PAGE.partition("| probe |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", table, re.M)
    shown = {name: set(re.findall(r"`(\w+)`", options)) for name, options in rows}
    assert shown == {name: {field.name for field in fields(own)} for name, own in OPTIONS.items()}
