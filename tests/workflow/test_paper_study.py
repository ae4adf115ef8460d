"""The papers' study file: planned whole, and run whole on miniatures of the real files."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from study_run import ROOT, Checkout

import file_server as answers
import miniatures
from file_server import FileServer
from shipped import FIGURES, TABLES

pytestmark = pytest.mark.workflow

EACH = 20  # images of a class: 5 support and 15 query images
#: What is smaller than in the papers: iterations, tasks, images of a class, pixels and filters.
#: Of a protocol every variant is trained once, and one more for each data set and setting.
SHRUNK: dict[str, Any] = {
    "model_seeds": [0],
    "compute": {"device": "cpu", "threads": 1, "tasks_at_once": 4},
    "evaluation": {"tasks": 4},
    "validation": {"every": 1, "tasks": 2},
    "protocols": {
        name: {"defaults": {"iterations": 2, "image_size": 28, "filters": 8}}
        for name in ("p1", "p2")
    },
    "models": {
        "mini_imagenet_1shot": {"seeds": None},
        "mini_imagenet_5shot": {"seeds": None, "variants": ["maml"]},
        "mini_imagenet_5shot_others": None,
        "cub_1shot": {"variants": ["maml"]},
        "fc100_1shot": {"variants": ["maml"]},
        "step_sizes": {"seeds": None},
    },
    "probes": {"cka": {"tasks": 4, "training_tasks": 2}, "protonet": {"tasks": 4}},
    "toy": {"image_size": 28, "filters": 8, "seeds": [0], "epochs": 1},
}
#: One method for one iteration at the papers' own size.
FULL_SIZE: dict[str, Any] = {
    **copy.deepcopy(SHRUNK),
    "study": "full_size",
    "protocols": {"p1": {"defaults": {"iterations": 1}}},
}
RESTRICTED = ["mini_imagenet", "cub"]


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, bytes]]:
    """Miniatures of all files that the study downloads."""
    return {name: make(EACH) for name, make in miniatures.COLLECTIONS.items()}


@pytest.fixture(scope="module")
def served(files: dict[str, dict[str, bytes]]) -> Iterator[FileServer]:
    """The same on a server."""
    with FileServer() as server:
        for name, held in files.items():
            for file, content in held.items():
                server.give(f"/{name}/{file}", answers.whole(content))
        yield server


@pytest.fixture(scope="module")
def checkout(
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[str, dict[str, bytes]],
    served: FileServer,
) -> Checkout:
    """A checkout with a registry of the miniatures, in which nothing has run yet."""
    made = Checkout(tmp_path_factory.mktemp("paper") / "innerloop")
    registry = miniatures.registry_of(files, EACH, served.address)
    (made.folder / "miniatures.toml").write_text(registry, encoding="utf-8")
    return made


def study(checkout: Checkout, name: str, content: dict[str, Any], **more: Any) -> tuple[str, ...]:
    """Snakemake's arguments for the paper study with something else in it."""
    checkout.write_study(name, {"study": "paper", "registry": "miniatures.toml", **content, **more})
    return ("--configfile", "config/paper.yaml", name)


def total(said: str) -> int:
    """Jobs of a dry run."""
    return int(next(line for line in said.splitlines() if line.startswith("total")).split()[1])


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    fresh = Checkout(tmp_path_factory.mktemp("plan") / "innerloop")
    return fresh.snakemake("-n", "--configfile", "config/paper.yaml").stdout


class TestPlan:
    def test_it_takes_a_thousand_jobs_at_most(self, plan: str) -> None:
        config = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
        assert config["model_seeds"] == [0, 1, 2]
        assert 300 <= total(plan) <= 1000

    def test_its_files_are_fetched_its_images_are_named(self, plan: str) -> None:
        for collection in miniatures.COLLECTIONS:
            assert f"resources/raw/{collection}/fetched.json" in plan
        stores = ("mini_imagenet/pickles-84", "cub/centre-84", "fc100/cifar100-84")
        for store in (*stores, "cifar10/python-32"):
            assert f"resources/images/{store}/manifest.json" in plan

    def test_nothing_of_the_demo_is_in_it(self, plan: str) -> None:
        demo = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
        assert "results/paper/models/p1/mini_imagenet/maml/5w1s/seed2/model.json" in plan
        for name in demo["datasets"]:
            assert f"/{name}/" not in plan

    def test_another_variant_is_another_store(self, checkout: Checkout) -> None:
        other = {"datasets": {"mini_imagenet": {"variant": "ilsvrc"}, "cub": {"variant": "whole"}}}
        arguments = study(checkout, "variants.yaml", other)
        said = checkout.snakemake("-n", *arguments).stdout
        for path in ("mini_imagenet/ilsvrc-84", "cub/whole-84"):
            assert f"resources/images/{path}/manifest.json" in said
        assert "resources/raw/ilsvrc2012_train/fetched.json" in said
        assert "pickles-84" not in said

    def test_native_fc100(self, checkout: Checkout) -> None:
        arguments = study(checkout, "native.yaml", {"models": {"fc100_1shot": {"image_size": 32}}})
        said = checkout.snakemake("-n", *arguments).stdout
        assert "resources/images/fc100/cifar100-32/manifest.json" in said
        assert "resources/images/fc100/cifar100-84/manifest.json" in said


class TestRefused:
    """Each is one message before anything runs."""

    def refused(self, checkout: Checkout, *arguments: str) -> str:
        done = checkout.snakemake(*arguments, check=False)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert "Traceback" not in said
        return said

    def test_licences_that_are_not_accepted(self, checkout: Checkout, served: FileServer) -> None:
        arguments = study(checkout, "bare.yaml", copy.deepcopy(SHRUNK), accept_licence=["cub"])
        said = self.refused(checkout, "fetch", *arguments, "--cores", "2")
        assert "the licence of mini_imagenet is not accepted" in said
        assert "ImageNet terms: non-commercial" in said
        assert "    accept_licence: [cub, mini_imagenet]" in said
        assert served.requests == []
        assert not (checkout.folder / "resources").exists()

    def test_what_the_message_says_to_write_is_understood(self, checkout: Checkout) -> None:
        arguments = study(checkout, "bare.yaml", copy.deepcopy(SHRUNK))
        said = self.refused(checkout, "fetch", *arguments, "--cores", "2")
        offer = next(line for line in said.splitlines() if "--config '" in line)
        written = offer.strip().removeprefix("--config ").strip("'")
        done = checkout.snakemake(
            "fetch", *arguments, "--cores", "2", "--config", written, "data_root=nowhere",
            check=False,
        )  # fmt: skip
        assert "is not accepted" not in done.stdout + done.stderr
        assert "data_root: there is no folder nowhere" in done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                {"datasets": {"cub": {"variant": "cropped"}}},
                "datasets.cub: data set 'cub' has no variant 'cropped'; choose centre, whole",
            ),
            ({"accept_licence": ["imagenet"]}, "accept_licence: data set 'imagenet' is unknown"),
            ({"mirrors": ["ftp://x"]}, "mirrors.0: got 'ftp://x', expected an address"),
            ({"registry": "nowhere.toml"}, "registry: there is no file nowhere.toml"),
        ],
    )
    def test_mistakes_in_the_study_file(
        self, checkout: Checkout, content: dict[str, Any], message: str
    ) -> None:
        arguments = study(checkout, "mistake.yaml", content)
        assert message in self.refused(checkout, "-n", *arguments)

    def test_a_variant_of_what_has_none(self, checkout: Checkout) -> None:
        smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
        smoke["datasets"]["symbols"]["variant"] = "big"
        checkout.write_study("variant.yaml", smoke)
        said = self.refused(checkout, "-n", "--configfile", "variant.yaml")
        assert "datasets.symbols: source 'symbols' has no variants" in said

    def test_a_source_that_is_not_there(self, checkout: Checkout) -> None:
        smoke = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
        smoke["datasets"]["symbols"]["source"] = "mini_imagenet_of_mine"
        checkout.write_study("missing.yaml", smoke)
        said = self.refused(checkout, "-n", "--configfile", "missing.yaml")
        assert "'mini_imagenet_of_mine' is unknown; did you mean 'mini_imagenet'?" in said


@pytest.fixture(scope="module")
def finished(checkout: Checkout) -> Checkout:
    """The whole study, run from downloads to the report."""
    checkout.run(*study(checkout, "shrunk.yaml", copy.deepcopy(SHRUNK), accept_licence=RESTRICTED))
    return checkout


@pytest.mark.long
@pytest.mark.timeout(2400)  # the whole study takes five minutes on two free cores
class TestRun:
    def test_every_figure_and_table_and_the_report(self, finished: Checkout) -> None:
        results = finished.folder / "results/paper"
        for figure in (one for one in FIGURES.values() if one.paper in ("p1", "p2")):
            file = results / f"figures/{figure.paper}/{figure.name}.pdf"
            assert file.stat().st_size > 100
        tables = [one for one in TABLES.values() if one.paper in ("p1", "p2")]
        for table in (*tables, TABLES["claims"], TABLES["paper_vs_ours"]):
            file = results / f"tables/{table.paper}/{table.name}.csv"
            assert file.stat().st_size > 50
        assert (results / "report.html").stat().st_size > 100_000

    def test_every_row_says_which_images(self, finished: Checkout) -> None:
        stores = {
            "mini_imagenet": "pickles-28",
            "cub": "centre-28",
            "fc100": "cifar100-28",
            "none": "none",
        }
        rows = finished.aggregate("paper", "accuracy")
        assert set(rows["eval_dataset"]) == {"mini_imagenet", "cub", "fc100"}
        for role in ("train", "eval"):
            named = rows[[f"{role}_dataset", f"{role}_store"]].drop_duplicates()
            assert all(stores[dataset] == store for dataset, store in named.to_numpy())
        for table in ("training", "cka", "protonet", "weight_norm", "step_size"):
            rows = finished.aggregate("paper", table)
            assert (rows["train_dataset"].map(stores) == rows["train_store"]).all()
        assert set(finished.aggregate("paper", "toy")["store"]) == {"python-28"}

    def test_all_variants_and_models(self, finished: Checkout) -> None:
        config = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))
        rows = finished.aggregate("paper", "accuracy")
        for protocol in config["protocols"]:
            found = set(rows.loc[rows["protocol"] == protocol, "variant"])
            assert found == set(config["protocols"][protocol]["variants"])
        trained = pd.unique(rows.loc[rows["protocol"] == "p1", "train_dataset"])
        assert set(trained) == {"mini_imagenet", "cub", "fc100"}

    def test_manifests_say_where_images_came_from(
        self, finished: Checkout, served: FileServer
    ) -> None:
        path = finished.folder / "resources/images/cub/centre-28/manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        assert manifest["variant"] == "centre"
        assert manifest["window"] == 0.875
        assert manifest["splits"].startswith("A Closer Look")
        assert manifest["licence"]["non_commercial"]
        assert "Caltech-UCSD" in manifest["licence"]["attribution"]
        file = manifest["files"]["CUB_200_2011.tgz"]
        assert file["origin"] == f"{served.address}/cub_200_2011/CUB_200_2011.tgz"
        lock = (finished.folder / "resources/raw/cub_200_2011/SHA256SUMS").read_text(
            encoding="utf-8"
        )
        assert lock == f"{file['sha256']}  CUB_200_2011.tgz\n"

    def test_terms_are_shown(self, finished: Checkout) -> None:
        log = (finished.folder / "resources/logs/raw/cub_200_2011.log").read_text(encoding="utf-8")
        assert "non-commercial research and education only" in log
        assert "Please cite: Wah" in log

    def test_each_file_was_downloaded_once(self, finished: Checkout, served: FileServer) -> None:
        paths = [path for path, _ in served.requests]
        assert len(paths) == len(set(paths)) == 6

    def test_how_files_were_had_runs_nothing_again(self, finished: Checkout) -> None:
        more = {
            "accept_licence": [*RESTRICTED, "fc100"],
            "data_root": str(finished.folder),
            "mirrors": ["http://127.0.0.1:9"],
        }
        arguments = study(finished, "elsewhere.yaml", copy.deepcopy(SHRUNK), **more)
        assert finished.planned(*arguments) == []

    def test_another_variant_runs_what_it_touches(self, finished: Checkout) -> None:
        other = {**copy.deepcopy(SHRUNK), "datasets": {"cub": {"variant": "whole"}}}
        planned = finished.planned(*study(finished, "whole.yaml", other))
        built = [wildcards for rule, wildcards in planned if rule == "build_images"]
        assert built == ["dataset=cub, store=whole-28"]
        trained = [wildcards for rule, wildcards in planned if rule == "train_model"]
        assert trained
        assert all("dataset=cub" in wildcards for wildcards in trained)
        assert not [job for job in planned if job[0] == "fetch_dataset"]

    def test_one_iteration_at_the_papers_size(self, finished: Checkout) -> None:
        """84 x 84 pixels, 64 filters, from the same downloads."""
        arguments = study(finished, "full_size.yaml", FULL_SIZE, accept_licence=RESTRICTED)
        model = "models/p1/mini_imagenet/maml/5w1s/seed0/model.json"
        finished.run(f"results/full_size/{model}", *arguments)
        manifest = json.loads(
            (finished.folder / "results/full_size" / model).read_text(encoding="utf-8")
        )
        assert manifest["spec"]["network"]["filters"] == 64
        assert manifest["spec"]["store"] == "pickles-84"
        images = finished.folder / "resources/images/mini_imagenet/pickles-84/manifest.json"
        assert json.loads(images.read_text(encoding="utf-8"))["count"] == 100 * EACH


def test_a_user_s_own_files_need_no_network(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, dict[str, bytes]]
) -> None:
    made = Checkout(tmp_path_factory.mktemp("own") / "innerloop")
    registry = miniatures.registry_of(files, EACH, "http://127.0.0.1:9")
    (made.folder / "miniatures.toml").write_text(registry, encoding="utf-8")
    for name, held in files.items():
        folder = made.folder / "mine" / name
        folder.mkdir(parents=True)
        for file, content in held.items():
            (folder / file).write_bytes(content)
    arguments = study(made, "own.yaml", SHRUNK, accept_licence=RESTRICTED, data_root="mine")
    done = made.snakemake("fetch", *arguments, "--cores", "2")
    assert done.stdout == ""  # a job that writes there tears what is shown of the run
    said, *later = done.stderr.split("Fetch the files of ")
    assert later
    for dataset, author in (("cub", "Wah"), ("fc100", "Krizhevsky"), ("mini_imagenet", "Vinyals")):
        assert re.search(rf"^{dataset}: .*\n    Please cite: {author}", said, re.MULTILINE)
    for name, held in files.items():
        record = json.loads(
            (made.folder / f"resources/raw/{name}/fetched.json").read_text(encoding="utf-8")
        )
        assert {facts["origin"] for facts in record["files"].values()} == {"own file"}
        assert {Path(facts["path"]).parent.name for facts in record["files"].values()} == {name}
        assert set(record["files"]) == set(held)
