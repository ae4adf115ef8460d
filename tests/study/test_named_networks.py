"""What a study file says of networks: which job is told what, and what is refused in words."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

import innerloop
from innerloop.networks.options import NetworkOptions
from innerloop.runtime.errors import ConfigError
from innerloop.specs.train import TrainSpec
from innerloop.study.jobs import Jobs
from innerloop.study.study import Study

ROOT = Path(__file__).resolve().parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, way, image_size, channels, *, width=2):
        super().__init__()

def short(way):
    pass
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    return file


def training(variant: dict[str, Any], **defaults: Any) -> TrainSpec:
    """What the variant `mine` of P1 is trained by."""
    config = copy.deepcopy(SMOKE)
    config["protocols"]["p1"]["defaults"] = {**config["protocols"]["p1"]["defaults"], **defaults}
    config["protocols"]["p1"]["variants"] = {"mine": {"method": "maml", **variant}}
    config["models"] = {"plain": {"protocol": "p1", "dataset": "symbols", "settings": ["5w1s"]}}
    study = Study(config)
    (key,) = study.models
    return Jobs(study, ROOT / "workflow_scripts").train(key)


def test_conv4_takes_the_study_s_own_keys_and_its_options_win() -> None:
    options = {"normalisation": "group", "groups": 2}
    network = training({"network_options": options}).network
    assert network.arguments == {"filters": 8, "eps": 1e-5, **options}
    assert network.layers == ("conv1", "conv2", "conv3", "conv4", "head")


def test_options_go_on_until_another_network_is_named(net: Path) -> None:
    groups = {"network_options": {"groups": 2}}
    said = {"network_options": {"normalisation": "group"}}
    assert training(said, **groups).network.network_options == {
        "groups": 2, "normalisation": "group"
    }  # fmt: skip
    other = {"network": f"{net}:Net", "network_options": {"width": 3}}
    assert training(other, **groups).network.arguments == {"width": 3}
    assert training({"network": "resnet12"}, **groups).network.arguments == {}


def test_what_is_conv4_s_alone_is_no_parameter_of_another_network(net: Path) -> None:
    few, many = (training({"network": f"{net}:Net"}, filters=filters) for filters in (2, 3))
    assert few == many
    assert training({}, filters=2) != training({}, filters=3)


def test_a_training_depends_on_the_code_of_its_network(net: Path) -> None:
    variant = {"network": f"{net}:Net"}
    before = training(variant).code
    net.write_text(NET.replace("width=2", "width=3"), encoding="utf-8")
    assert training(variant).code != before
    net.write_text(NET.replace("width=2", "width=3  # wide"), encoding="utf-8")
    assert training({}).code == training({}).code != before


@pytest.mark.parametrize(
    "normalisation", ["batch", "support", "group", "layer", "instance", "none"]
)
def test_conv4_s_shapes_are_known_without_torch(normalisation: str) -> None:
    options = NetworkOptions(
        way=3, image_size=20, filters=4, network_options={"normalisation": normalisation}
    )
    network = innerloop.network(way=3, image_size=20, filters=4, normalisation=normalisation)
    assert options.shapes == network.shapes


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"network": "conv5"}, "'conv5' is unknown; did you mean 'conv4'"),
        ({"network": "{net}:None"}, "does not define 'None'"),
        ({"network": "missing.py:Net"}, "there is no file missing.py"),
        ({"network": "{net}:short"}, r"takes way; it is called with \(way, image_size, channels"),
        ({"network_options": {"group": 2}}, "takes no option 'group'; did you mean 'groups'"),
        ({"network_options": {"groups": "two"}}, "groups is 'two'; network 'conv4' takes a number"),
        (
            {"network_options": {"normalisation": "grup"}},
            "normalisation is 'grup'; choose from batch, support, group, layer, instance, none",
        ),
        (
            {"network": "resnet12", "network_options": {"pool": "max"}},
            "pool is 'max'; choose from average, none",
        ),
        ({"network": "{net}:Net", "network_options": {"depth": 2}}, "no option 'depth'.*width"),
    ],
)
def test_what_is_no_network_is_refused_before_any_work(
    net: Path, variant: dict[str, Any], message: str
) -> None:
    named = {**variant}
    if "network" in named:
        named["network"] = named["network"].format(net=net)
    with pytest.raises(ConfigError, match=f"protocols.p1.variants.mine: .*{message}"):
        training(named)
