"""The program that fetches: terms first, and a registry that stays what the plan saw."""

from __future__ import annotations

import pytest

import fetch_dataset
import miniatures
from innerloop.data.acquire.registry import read_registry
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import canonical_json


@pytest.fixture
def own(tmp_path):
    """A user's files and a registry of them."""
    held = miniatures.cub(2)
    for name, content in held.items():
        (tmp_path / name).write_bytes(content)
    registry = tmp_path / "registry.toml"
    registry.write_text(
        miniatures.registry_of({"cub_200_2011": held}, 2, "http://127.0.0.1:9"), encoding="utf-8"
    )
    return registry


def run(registry, spec=None, **access):
    known = read_registry(str(registry)).collections["cub_200_2011"]
    out = registry.parent / "raw/cub_200_2011/fetched.json"
    fetch_dataset.main(
        [
            *("--spec", canonical_json(spec or known.identity())),
            *("--registry", str(registry), "--out", str(out)),
            *("--access", canonical_json({"data_root": str(registry.parent), **access})),
        ]
    )
    return out


def test_it_fetches_and_shows_the_terms(own, capsys):
    assert run(own, accept_licence=["cub"]).exists()
    assert "cub: non-commercial research" in capsys.readouterr().err


def test_nothing_without_the_licence(own):
    with pytest.raises(ConfigError, match="the licence of cub is not accepted"):
        run(own, accept_licence=["mini_imagenet"])
    assert not (own.parent / "raw").exists()


def test_files_of_two_data_sets_are_accepted_for_one(own, capsys):
    cut = """
[datasets.cut_birds]
default = "cut"
[datasets.cut_birds.variants.cut]
collection = "cub_200_2011"
source = "cut_birds.py:CutBirds"
images = { train = 1 }
"""
    own.write_text(own.read_text(encoding="utf-8") + cut, encoding="utf-8")
    read_registry.cache_clear()
    assert run(own, accept_licence=["cut_birds"]).exists()
    shown = capsys.readouterr().err
    assert "cut_birds: non-commercial research" in shown
    assert "\ncub: " not in shown


def test_another_registry_than_was_planned_with(own):
    spec = {**read_registry(str(own)).collections["cub_200_2011"].identity(), "files": []}
    with pytest.raises(ConfigError, match="registry was edited while jobs ran"):
        run(own, spec, accept_licence=["cub"])


@pytest.mark.parametrize("access", ["nowhere.json", "[]"])
def test_wrong_access_is_named_as_the_option_it_is(own, access):
    options = ("--registry", str(own), "--access", access, "--out", str(own.with_name("x")))
    with pytest.raises(ConfigError, match="--access: expected a JSON object"):
        fetch_dataset.main(["--spec", "{}", *options])
