"""The registry: complete, consistent, and a user's own on top."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest

from innerloop.data.acquire.registry import read_registry
from innerloop.data.catalogue import SPLITS
from innerloop.runtime.code_digest import LIBRARY
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.extensions import check_entry

REGISTRY = read_registry()
VARIANTS = [variant for known in REGISTRY.variants.values() for variant in known.values()]


def test_the_papers_data_sets_are_there():
    papers = {"mini_imagenet", "cub", "fc100", "cifar10"}
    assert set(REGISTRY.variants) == papers | {"cifar_fs", "omniglot"}


@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda variant: f"{variant.dataset} {variant.name}"
)
def test_every_variant_has_a_source_and_counts(variant):
    check_entry(variant.source)
    assert set(variant.images) <= set(SPLITS)
    assert variant.collection in REGISTRY.collections
    assert variant.classes.keys() == variant.images.keys()
    if variant.dataset != "cub":  # elsewhere all classes are of one size
        assert not any(variant.images[split] % n for split, n in variant.classes.items())


@pytest.mark.parametrize("one", REGISTRY.collections.values(), ids=lambda one: one.name)
def test_every_collection_states_its_terms_and_hashes(one):
    assert one.licence.name
    assert one.licence.attribution
    assert one.licence.url.startswith("https://")
    for file in one.files:
        assert re.fullmatch(r"[0-9a-f]{32}", file.md5)
        assert re.fullmatch(r"([0-9a-f]{64})?", file.sha256)
        assert all(url.startswith("https://") for url in (*file.urls, *file.by_hand))
        assert file.bytes or not file.urls, "what is downloaded has a known size"


@pytest.mark.parametrize("dataset", REGISTRY.variants)
def test_every_default_can_be_downloaded(dataset):
    files = REGISTRY.collections[REGISTRY.variant(dataset).collection].files
    assert files
    assert all(file.urls for file in files)


def test_imagenet_and_cub_are_restricted():
    bound = {name for name, one in REGISTRY.collections.items() if one.licence.non_commercial}
    assert bound == {n for n in REGISTRY.collections if not n.startswith(("cifar", "omniglot"))}


def test_no_drive_in_the_automatic_path():
    urls = [url for one in REGISTRY.collections.values() for file in one.files for url in file.urls]
    assert not [url for url in urls if "drive.google" in url or "dropbox" in url]


def test_unknown_names_are_listed():
    with pytest.raises(ConfigError, match="'flowers' is not in the registry; it has mini_imagenet"):
        REGISTRY.variant("flowers")
    with pytest.raises(ConfigError, match="'cub' has no variant 'cropped'; choose centre, whole"):
        REGISTRY.variant("cub", "cropped")


OWN = """
[collections.flowers]
title = "Flowers"
licence = { name = "CC0", url = "https://flowers.example" }
citation = "F. Lower"
[[collections.flowers.files]]
name = "flowers.zip"
md5 = "d41d8cd98f00b204e9800998ecf8427e"
urls = ["https://flowers.example/flowers.zip"]
[datasets.flowers]
default = "small"
[datasets.flowers.variants.small]
collection = "flowers"
source = "my_flowers.py:Flowers"
images = { train = 3, test = 2 }
classes = { train = 1, test = 1 }
"""


def own(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_registry(str(path))


def test_a_user_s_own_comes_on_top(tmp_path):
    found = own(tmp_path, OWN)
    assert found.variant("flowers").images == {"train": 3, "test": 2}
    assert found.variant("cub") == REGISTRY.variant("cub")


def test_a_variant_is_added_to_a_built_in_data_set(tmp_path):
    of_mine = {
        "collection": "mini_imagenet_jpegs",
        "source": "innerloop.data.sources.mini_imagenet_images:MiniImageNetImages",
        "listing": "few.csv",
    }
    lines = [f'{key} = "{value}"' for key, value in of_mine.items()]
    text = "\n".join(["[datasets.mini_imagenet.variants.few]", *lines, "images = { test = 3 }"])
    found = own(tmp_path, text)
    assert {*found.variants["mini_imagenet"]} == {*REGISTRY.variants["mini_imagenet"], "few"}
    assert found.variant("mini_imagenet").name == "pickles"
    defaulting = own(tmp_path / "..", "[datasets.mini_imagenet]\ndefault = 'few'\n" + text)
    assert defaulting.variant("mini_imagenet").listing == "few.csv"


def test_paths_count_from_the_file(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/few.csv").write_text("filename,label,split\n")
    listed = OWN.replace('source = "my', 'listing = "few.csv"\nsource = "my')
    (tmp_path / "deep/mine.toml").write_text(listed)
    monkeypatch.chdir(tmp_path)
    for place in ("deep/mine.toml", str(tmp_path / "deep/mine.toml")):
        found = read_registry(place)
        flowers = found.variant("flowers")
        assert flowers.source == "my_flowers.py:Flowers"
        assert found.entry(flowers.source) == place.replace("mine.toml", "my_flowers.py:Flowers")
        assert found.listing(flowers).samefile("deep/few.csv")
        assert found.entry("/elsewhere/my.py:Flowers") == "/elsewhere/my.py:Flowers"
        assert found.entry("a.module:Flowers") == "a.module:Flowers"
    (tmp_path / "deep/few.csv").unlink()
    with pytest.raises(ConfigError, match=r"variants.small.listing: there is no file .*few.csv"):
        found.listing(flowers)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title =", "titel =", "collections.flowers: unknown key titel"),
        ('md5 = "d41d8cd98f00b204e9800998ecf8427e"', "", "flowers.zip has no md5 and no sha256"),
        ("https://flowers.example/flowers.zip", "ftp://x", "'ftp://x' is not an http"),
        ('name = "flowers.zip"', 'name = "../flowers.zip"', "'../flowers.zip' is not a plain file"),
        ('collection = "flowers"', 'collection = "trees"', "there is no collection 'trees'"),
        ('default = "small"', 'default = "big"', "no variant 'big'"),
        ('default = "small"', "", "datasets.flowers.default: say which variant is meant"),
        ('source = "my_flowers.py:Flowers"', "", "missing key source"),
        ("flowers.variants.small", "flowers.variants.Small-1", "'Small-1' is not a valid name"),
        ("collections.flowers", 'collections."../x"', "'../x' is not a valid name"),
        ("train = 3", "training = 3", "unknown key training"),
        ("train = 1", "train = 0", "of classes, one or more, of each of train, test, and"),
        (", test = 1", "", "of classes, one or more, of each of train, test, and"),
        ("[datasets.flowers]", "[datasets.flowers", "cannot be read as TOML"),
    ],
)
def test_mistakes_are_named(tmp_path, old, new, message):
    assert old in OWN
    with pytest.raises(ConfigError, match=re.escape(message)):
        own(tmp_path, OWN.replace(old, new))


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path):
    text = OWN
    for old, new in [
        ("title =", "titel ="),
        ("images = { train = 3, test = 2 }", "images = { train = -3, test = 2 }"),
        ('default = "small"', 'default = "big"'),
    ]:
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(ConfigError) as refused:
        own(tmp_path, text)
    lines = text.split("\n")
    begins = ["[collections.flowers]", "images = ", "default = "]
    numbers = [next(n for n, line in enumerate(lines, 1) if line.startswith(b)) for b in begins]
    said = str(refused.value).split("\n")
    assert [line.partition(": ")[0] for line in said] == [
        f"{tmp_path / 'mine.toml'}, line {number}" for number in numbers
    ]
    assert ["titel" in said[0], "-3" in said[1], "big" in said[2]] == [True] * 3


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def places(value, at=()):
    yield at
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*at, key))


OTHERS = [5, -1, 1.5, True, "x", "", "../../x", "a\n", "javascript:alert(1)", [], {}, [[]], [5]]
OTHERS += [{"x": 5}, [{}], date(2026, 1, 2), "x" * 5000]


@pytest.mark.parametrize("at", [at for at in places(tomllib.loads(OWN)) if at], ids=str)
def test_any_other_value_is_taken_rightly_or_refused_with_its_place(tmp_path, at):
    for number, other in enumerate(OTHERS):
        content = tomllib.loads(OWN)
        reduce(getitem, at[:-1], content)[at[-1]] = other
        file = tmp_path / f"{number}.toml"
        text = "".join(f"{key} = {toml(value)}\n" for key, value in content.items())
        file.write_text(text, encoding="utf-8")
        said = ""
        try:
            flowers = read_registry(str(file)).collections.get("flowers")
        except ConfigError as error:
            said, flowers = str(error), None
        assert not said or "collections" in said or "datasets" in said
        if flowers is not None:
            texts = [flowers.title, *(text for file in flowers.files for text in file.urls)]
            assert all(isinstance(text, str) for text in texts)
            assert all(Path(file.name).name == file.name for file in flowers.files)
            assert not flowers.licence.url.startswith("javascript")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.toml: there is no such file"):
        read_registry(str(tmp_path / "nowhere.toml"))


def test_it_is_installed_with_the_library():
    assert (LIBRARY / "data/registry.toml").is_file()
