"""What a study file says of data sets: variants, licences, and how files are had."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path

import pytest
import yaml

from innerloop.runtime.errors import ConfigError
from innerloop.runtime.files import canonical_json
from innerloop.study.description import describe
from innerloop.study.jobs import Jobs
from innerloop.study.measurements import Measurements
from innerloop.study.overlays import merged_study
from innerloop.study.places import seen_from_here
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
PAPER = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
ACCESS = {"data_root": "/mine", "mirrors": ["https://m"], "accept_licence": ["cub"]}


def study(content=PAPER, **changes) -> Study:
    return Study({**copy.deepcopy(content), **changes})


def with_dataset(name, **keys):
    datasets = copy.deepcopy(PAPER["datasets"])
    datasets[name] |= keys
    return study(datasets=datasets)


def jobs(of: Study) -> Jobs:
    return Jobs(of, ROOT / "workflow_scripts")


def test_stores_are_named_after_the_variant():
    assert {jobs(study()).store(*one) for one in jobs(study()).image_stores()} == {
        "pickles-84",
        "centre-84",
        "cifar100-84",
        "python-32",
    }
    assert jobs(study(SMOKE)).store("symbols", 16) == "16"


def test_collections_are_what_must_be_fetched():
    assert jobs(study()).collections() == [
        "cifar_100_python", "cifar_10_python", "cub_200_2011", "mini_imagenet_pickles",
    ]  # fmt: skip
    assert jobs(study(SMOKE)).collections() == []


def test_the_variant_is_in_the_parameters_of_images_and_models():
    plain, other = jobs(study()), jobs(with_dataset("cub", variant="whole"))
    assert plain.images("cub", "centre-84") == other.images("cub", "centre-84")
    for key in plain.study.models:
        same = plain.train(key) == other.train(key)
        assert same == (key.dataset != "cub")
    assert other.images("cub", "whole-84").variant == "whole"


@pytest.mark.parametrize("store", ["84", "big-84"])
def test_a_store_that_no_variant_has(store):
    with pytest.raises(ConfigError, match=rf"'cub' has no .*{store.partition('-')[0]}"):
        jobs(study()).images("cub", store)


def test_how_files_are_had_is_in_no_job_s_parameters():
    plain, other = jobs(study()), jobs(study(**ACCESS))
    assert other.study.config == plain.study.config
    assert describe(other.study) == describe(plain.study)
    mine, theirs = Measurements(plain), Measurements(other)
    for table in mine.tables():
        assert mine.study_of(table) == theirs.study_of(table)
        assert mine.files(table) == theirs.files(table)
    for name in plain.collections():
        assert plain.fetch(name) == other.fetch(name)
        assert "http" not in canonical_json(plain.fetch(name))


def test_figures_tables_and_report_are_told_of_the_variant_and_the_split():
    plain = describe(study())["datasets"]["cub"]
    mine = str(ROOT / "tests/study/classes.csv")
    found = describe(with_dataset("cub", variant="whole", splits=mine))["datasets"]["cub"]
    assert (plain["variant"], plain["splits"]) == ("centre", "")
    assert (found["variant"], found["splits"]) == ("whole", seen_from_here(mine))


def test_licences_are_those_of_the_study_s_own_variants():
    found = study().datasets.licences
    assert {name for name, one in found.items() if one.non_commercial} == {"mini_imagenet", "cub"}
    assert study(SMOKE).datasets.licences == {}


def test_terms_are_those_of_the_files_that_are_fetched():
    said = study().datasets.terms({"cub_200_2011", "cifar_100_python", None})
    told = [line.split(":")[0] for line in said.splitlines() if not line.startswith(" ")]
    assert sorted(told) == ["cub", "fc100"]
    assert "    Please cite: Wah" in said
    assert study(SMOKE).datasets.terms({None}) == ""


def test_licences_must_be_accepted_to_run():
    study(accept_licence=["mini_imagenet", "cub"]).datasets.require_licences()
    study(SMOKE).datasets.require_licences()
    with pytest.raises(ConfigError, match="the licence of cub is not accepted"):
        study(accept_licence=["mini_imagenet"]).datasets.require_licences()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accept_licence": ["birds"]}, "accept_licence: data set 'birds' is unknown; known are"),
        ({"accept_licence": "cub"}, "accept_licence: 'cub' is not of type 'array'"),
        ({"mirrors": ["files.example"]}, r"mirrors.0: got 'files.example', expected an address"),
        ({"data_root": ""}, "data_root: got '', expected folder with your own copies"),
        ({"registry": "/nowhere.toml"}, "study file: registry: there is no file /nowhere.toml in"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ConfigError, match=message):
        study(**changes)


def test_variants_that_are_not_there():
    with pytest.raises(ConfigError, match=r"datasets\.cub: .* no variant 'big'; choose centre"):
        with_dataset("cub", variant="big")
    with pytest.raises(ConfigError, match=r"datasets\.cub: source 'people' has no variants"):
        with_dataset("cub", source="people", variant="centre")


OWN_VARIANT = """
[datasets.mini_imagenet.variants.few]
collection = "mini_imagenet_jpegs"
source = "my_sets.py:Few"
images = { train = 5, val = 5, test = 5 }
listing = "few.csv"
"""


def registered(folder: Path) -> Jobs:
    """The paper study with a variant of the user's own, whose files lie in some folder."""
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(OWN_VARIANT)
    (folder / "my_sets.py").write_text("class Few(ClassFolders): ...\n")
    (folder / "few.csv").write_text("filename,label,split\n")
    datasets = {**PAPER["datasets"], "mini_imagenet": {"source": "mini_imagenet", "variant": "few"}}
    return jobs(study(registry=str(folder / "mine.toml"), datasets=datasets))


def test_where_a_registry_lies_is_in_no_job_s_parameters(tmp_path):
    here, there = registered(tmp_path / "here"), registered(tmp_path / "deeper" / "there")
    spec = here.images("mini_imagenet", "few-84")
    assert (spec.source, spec.listing.file) == ("my_sets.py:Few", "few.csv")
    assert spec == there.images("mini_imagenet", "few-84")
    assert here.splits("mini_imagenet") == there.splits("mini_imagenet")
    assert describe(here.study) == describe(there.study)
    key = next(key for key in here.study.models if key.dataset == "mini_imagenet")
    assert here.train(key) == there.train(key)


def test_an_edited_listing_is_another_parameter(tmp_path):
    made = registered(tmp_path / "here")
    before = made.images("mini_imagenet", "few-84").listing
    (tmp_path / "here/few.csv").write_text("filename,label,split\na.jpg,a,test\n")
    assert made.images("mini_imagenet", "few-84").listing != before


def test_what_gathers_and_describes_knows_the_registry(tmp_path):
    made = registered(tmp_path / "here")
    for table in Measurements(made).tables():
        again = jobs(Study(Measurements(made).study_of(table), checked=True))
        assert Measurements(again).files(table) == Measurements(made).files(table)
    assert describe(made.study)["datasets"]["mini_imagenet"]["variant"] == "few"


def test_the_compact_study_is_of_the_papers_images_or_of_smaller_copies(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    compact = merged_study(["config/compact.yaml"])
    copies = merged_study(["config/compact.yaml", "config/sample/sample.yaml"])
    whole, small = (Study(each) for each in (compact, copies))
    archives = [whole.datasets.variant(name).name for name in ("mini_imagenet", "cub")]
    assert archives == ["pickles", "centre"]
    read = {small.datasets.variant(name).name for name in small.keys.datasets}
    assert read == {"sample", "crops_2010"}
    assert small.name == "compact-sample"
    for study in (whole, small):
        with pytest.raises(ConfigError, match=r"accept_licence: \[mini_imagenet, cub\]"):
            study.datasets.require_licences()
    assert {*small.datasets.known_classes} == {"mini_imagenet", "cub", "fc100", "cifar10"}
    assert all(small.datasets.known_classes.values())
    seeds = Counter((key.protocol, key.dataset, key.variant) for key in small.models)
    assert seeds["p2", "mini_imagenet", "meta_sgd"] == 12
    assert seeds["p1", "mini_imagenet", "scaled_lr"] == 8
    assert seeds["p1", "mini_imagenet", "anil"] == 5
    assert seeds["p1", "cub", "maml"] == 3
