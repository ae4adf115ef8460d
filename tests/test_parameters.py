"""The role of a parameter is said by its name, or the name is refused."""

import pytest

from innerloop.errors import InnerloopError
from innerloop.nets.conv4 import Conv4
from innerloop.parameters import kind_of, role_of

ROLES = {"weight": "conv_weight", "bias": "conv_bias", "gamma": "norm", "beta": "norm"}


def test_every_parameter_of_conv4_has_its_role():
    for name in Conv4(filters=2, image_size=16).initial(0):
        assert role_of(name) == ("head" if name.startswith("head") else ROLES[kind_of(name)])


@pytest.mark.parametrize(
    "name",
    [
        "block1.conv1.weight", "block1.norm1.weight", "shortcut.weight", "bn1.weight",
        "conv1.weight.extra", "conv1", "conv1.running_mean", "head.gamma", "classifier.weight", "",
    ],
)  # fmt: skip
def test_no_role_is_guessed(name: str):
    with pytest.raises(InnerloopError, match=f"'{name}' has no known role"):
        role_of(name)
