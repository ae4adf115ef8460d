"""The role of a parameter is said by its name, or the name is refused."""

import pytest

import innerloop
from innerloop.networks.parameters import kind_of, layer_of, role_of
from innerloop.runtime.errors import InnerloopError

ROLES = {"weight": "conv_weight", "bias": "conv_bias", "gamma": "norm", "beta": "norm"}


def test_nested_layers_have_roles_too():
    assert role_of("block1.conv1.weight") == "conv_weight"
    assert role_of("block1.conv1.gamma") == "norm"
    assert (layer_of("block1.conv1.gamma"), kind_of("block1.conv1.gamma")) == (
        "block1.conv1", "gamma"
    )  # fmt: skip


def test_every_parameter_of_conv4_has_its_role():
    for name in innerloop.network(filters=2, image_size=16).initial(0):
        assert role_of(name) == ("head" if name.startswith("head") else ROLES[kind_of(name)])


@pytest.mark.parametrize(
    "name",
    [
        "conv1.weight.extra", "conv1", "conv1.running_mean", "head.gamma", "weight", ".weight", "",
    ],
)  # fmt: skip
def test_no_role_is_guessed(name: str):
    with pytest.raises(InnerloopError, match=f"'{name}' has no known role"):
        role_of(name)
