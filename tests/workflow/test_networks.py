"""One study of five networks, ours and a user's, and two learners, from images to the report."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from study_run import ROOT, Checkout, documented_files

pytestmark = [pytest.mark.workflow, pytest.mark.long, pytest.mark.timeout(1800)]

NETWORKS: dict[str, dict[str, Any]] = {
    "batch": {},
    "group": {"network_options": {"normalisation": "group", "groups": 2}},
    "none": {"network_options": {"normalisation": "none"}},
    "resnet": {"network": "resnet12", "network_options": {"widths": [2, 2, 4, 4]}},
    "mine": {"network": "my_net.py:Net", "network_options": {"filters": 4}},
}
LAYERS = {
    "batch": {"conv1", "conv2", "conv3", "conv4", "head"},
    "resnet": {"block1", "block2", "block3", "block4", "head"},
    "mine": {"first", "second", "head"},
}


def study() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
    content = {**copy.deepcopy(content), "study": "networks"}
    del content["toy"]
    variants = {name: {"method": "maml", **said} for name, said in NETWORKS.items()}
    learned = {f"{name}_sgd": {**said, "method": "meta_sgd"} for name, said in variants.items()}
    ridge = {"ridge": {**NETWORKS["resnet"], "learner": "ridge"}}
    content["protocols"]["p1"]["variants"] = variants | ridge
    content["protocols"]["p2"]["variants"] = {
        name: said for name, said in learned.items() if name in ("resnet_sgd", "mine_sgd")
    }
    where = {"dataset": "symbols", "settings": ["5w1s"], "evaluate_on": ["symbols"]}
    probes = ["cka", "scale_invariance", "protonet"]
    content["models"] = {
        name: {"protocol": name, **where, "probes": probes} for name in ("p1", "p2")
    }
    return content


def test_every_network_goes_from_images_to_the_report(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout")
    (checkout.folder / "my_net.py").write_text(
        "".join(documented_files()["my_net.py"]), encoding="utf-8"
    )
    checkout.write_study("networks.yaml", study())
    checkout.run("report", "--configfile", "networks.yaml")
    report = (checkout.folder / "results/networks/report.html").read_text(encoding="utf-8")
    similarity = checkout.aggregate("networks", "cka")
    invariance = checkout.aggregate("networks", "scale_invariance")
    for name in NETWORKS:
        assert name in report
        layers = set(similarity.loc[similarity["variant"] == name, "layer"])
        assert layers == LAYERS.get(name, LAYERS["batch"])
    assert "ridge" in set(checkout.aggregate("networks", "accuracy")["variant"])
    assert "ridge" in set(invariance["variant"]) - set(similarity["variant"])
    change = invariance.set_index(["variant", "layer"])["output_change"]
    for normalised in (("batch", "conv2"), ("group", "conv2"), ("resnet", "block2.conv2")):
        assert change[normalised] < 1e-2
    assert change["none", "conv2"] > 0.1
    sizes = checkout.aggregate("networks", "step_size")
    assert set(sizes["variant"]) == {"resnet_sgd", "mine_sgd"}
    assert {"block1.shortcut", "head"} <= set(sizes["layer"])
