"""The papers' study file: planned whole, on stand-ins for the data sets that must be fetched."""

from __future__ import annotations

import pytest
import yaml
from study_run import ROOT, Checkout

pytestmark = pytest.mark.workflow

STAND_INS = {
    "compute": {"device": "cpu"},
    "datasets": {
        "mini_imagenet": {"source": "symbols"},
        "cub": {"source": "people"},
        "fc100": {"source": "scripts"},
        "cifar10": {"source": "digits"},
    },
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    checkout = Checkout(tmp_path_factory.mktemp("paper") / "innerloop")
    checkout.write_study("stand_ins.yaml", STAND_INS)
    return checkout.snakemake("-n", "--configfile", "config/paper.yaml", "stand_ins.yaml").stdout


def test_it_takes_a_thousand_jobs_at_most(plan: str) -> None:
    total = next(line for line in plan.splitlines() if line.startswith("total"))
    assert 300 <= int(total.split()[1]) <= 1000


def test_nothing_of_the_demo_is_in_it(plan: str) -> None:
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert "results/paper/models/p1/mini_imagenet/maml/5w1s/seed2/model.json" in plan
    for name in demo["datasets"]:
        assert f"/{name}/" not in plan


def test_a_source_that_is_not_there_is_one_clear_message(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    checkout = Checkout(tmp_path_factory.mktemp("missing") / "innerloop")
    study = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    study["datasets"]["symbols"]["source"] = "mini_imagenet_of_mine"
    checkout.write_study("missing.yaml", study)
    done = checkout.snakemake("-n", "--configfile", "missing.yaml", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "datasets.symbols.source: 'mini_imagenet_of_mine' is neither" in said
    assert "Traceback" not in said
