"""Any module as a function of parameters: roles, scale invariance, derivatives, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import innerloop
import tiny
from innerloop.networks.network import Network
from innerloop.networks.parameters import role_of, with_task_axis
from innerloop.networks.resnet12 import ResNet12
from innerloop.runtime.errors import ExtensionError, InnerloopError

MODULES = Path(__file__).with_name("modules.py")
IMAGES = tiny.batch(2).support.images


def users(name: str, **options: object) -> Network:
    return innerloop.network(f"{MODULES}:{name}", way=3, image_size=16, **options)


def written(folder: Path, body: str, name: str = "Net") -> Network:
    """A network of a user's file."""
    file = folder / "net.py"
    file.write_text(
        "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n" + body,
        encoding="utf-8",
    )
    return innerloop.network(f"{file}:{name}", way=3, image_size=16)


def invariant(network: Network) -> dict[str, bool]:
    return {
        info.name: info.scale_invariant
        for info in network.anatomy.parameters
        if role_of(info.name) == "conv_weight"
    }


@pytest.mark.parametrize("normalisation", ["batch", "support", "group", "layer", "instance"])
def test_conv4_s_weights_are_scale_invariant(normalisation: str) -> None:
    network = tiny.NETWORK.with_options(normalisation=normalisation)
    assert invariant(network) == dict.fromkeys([f"conv{n}.weight" for n in range(1, 5)], True)
    biased = normalisation not in ("group", "layer")
    assert ("conv1.bias" in network.shapes) == biased


def test_without_normalisation_none_is() -> None:
    assert not any(invariant(tiny.NETWORK.with_options(normalisation="none")).values())


def test_size_of_resnet12() -> None:
    network = innerloop.network("resnet12", widths=[4, 6, 8, 10], image_size=16)
    assert network.layers == ("block1", "block2", "block3", "block4", "head")
    assert len(invariant(network)) == 16
    assert all(invariant(network).values())
    with torch.device("meta"):
        whole, flat = ResNet12(5, 84, 3), ResNet12(5, 84, 3, pool="none")
    assert sum(value.numel() for value in whole.parameters()) == 12_427_525
    assert (whole.head.in_features, flat.head.in_features) == (640, 16_000)


def test_roles_follow_from_types_not_from_names() -> None:
    network = users("Residual")
    roles = {name: role_of(name) for name in network.shapes}
    assert roles == {
        "stem.weight": "conv_weight", "stem.bias": "conv_bias",
        "stem.gamma": "norm", "stem.beta": "norm",
        "inner.weight": "conv_weight", "inner.gamma": "norm", "inner.beta": "norm",
        "mixed.weight": "conv_weight", "mixed.bias": "conv_bias",
        "head.weight": "head", "head.bias": "head",
    }  # fmt: skip
    assert invariant(network) == {"stem.weight": True, "inner.weight": True, "mixed.weight": False}
    assert network.layers == ("stem", "inner.a", "mixed", "head")


def test_probed_layers_have_their_outputs() -> None:
    for network in (users("Residual"), users("Dense"), tiny.NETWORK):
        seen: dict[str, torch.Tensor] = {}
        network(with_task_axis(network.initial(0, torch.float64), 2), IMAGES, activations=seen)
        assert tuple(seen) == network.layers
        assert all(value.ndim == 3 for value in seen.values())


def test_every_parameter_belongs_to_one_layer() -> None:
    """Normalisations to what they follow; what is in no probed layer to itself; the head last."""
    resnet = innerloop.network("resnet12", widths=[4, 6, 8, 10], image_size=16)
    for network in (users("Residual"), users("Dense"), users("Scaled"), tiny.NETWORK, resnet):
        names = [name for layer in network.layer_parameters.values() for name in layer]
        assert sorted(names) == sorted(network.shapes)
        assert [*network.layer_parameters][-1] == "head"
    assert [*resnet.layer_parameters] == [*resnet.layers]
    assert len(resnet.layer_parameters["block2"]) == 4 * 3
    assert users("Residual").layer_parameters["inner.a"] == (
        "inner.weight", "inner.gamma", "inner.beta",
    )  # fmt: skip
    assert users("Scaled").layer_parameters["scale"] == ("scale.gamma",)


def test_a_dense_body_has_layers_too() -> None:
    network = users("Dense")
    assert set(network.shapes) == {"1.weight", "1.gamma", "1.beta", "head.weight"}
    assert invariant(network) == {"1.weight": True}


def test_a_parameter_of_its_own_is_what_the_module_says() -> None:
    assert role_of("scale.gamma") == "norm"
    assert users("Scaled").shapes["scale.gamma"] == (3, 1, 1)


def test_it_is_differentiable_as_often_as_one_likes() -> None:
    """Of the public network, by autograd and by torch.func."""
    for network in (tiny.NETWORK, users("Residual")):
        fast = with_task_axis(tiny.start(tiny.METHOD, network)[0], 2)

        def loss(weight: torch.Tensor, network: Network = network, fast=fast) -> torch.Tensor:
            name = next(iter(fast))
            return network({**fast, name: weight}, IMAGES).pow(3).sum()

        weight = next(iter(fast.values())).clone().requires_grad_()
        (first,) = torch.autograd.grad(loss(weight), weight, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), weight, create_graph=True)
        (third,) = torch.autograd.grad(second.sum(), weight)
        assert third.isfinite().all()
        by_func = torch.func.grad(lambda weight: torch.func.grad(loss)(weight).square().sum())
        torch.testing.assert_close(by_func(weight.detach()), second)


def test_own_initial_weights_are_a_function_of_the_seed() -> None:
    network = users("Residual")
    own = innerloop.network(network.entry, way=3, image_size=16, initialisation="own")
    first, again, other = own.initial(1), own.initial(1), own.initial(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["stem.weight"], other["stem.weight"])
    assert float(first["stem.bias"].abs().sum()) > 0


def test_building_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    innerloop.network(filters=3, image_size=17)
    assert torch.equal(torch.rand(1), expected)


CONV = "self.conv = nn.Conv2d(c, 2, 3, padding=1{})\n        self.out = nn.Linear(2 * size**2, way)"
NET = f"""
class Net(nn.Module):
    def __init__(self, way, size, c):
        super().__init__()
        {CONV}
        self.norm = nn.GroupNorm(1, 2)

    def forward(self, x):
        {{}}
"""
RETURN = "return self.out(F.relu(self.norm(self.conv(x))).flatten(1))"

REFUSED = {
    "logits of another shape": (
        NET.format("", "return self.out(self.norm(self.conv(x)).flatten(1))[:, :2]"),
        r"network Net returned \[2, 2\] for 2 images; expected logits \[N, 3\]",
    ),
    "no dense layer last": (
        NET.format("", "return self.out(self.norm(self.conv(x)).flatten(1)).relu()"),
        "does not end with a dense layer; expected .*the head",
    ),
    "dropout": (
        NET.format("", RETURN).replace("nn.GroupNorm(1, 2)", "nn.Dropout(0.5)"),
        "draws random numbers",
    ),
    "an unknown parameter": (
        NET.format("", RETURN).replace("nn.GroupNorm(1, 2)", "nn.PReLU()"),
        r"parameter norm.weight, of a PReLU, .*parameter_kinds = \{\"norm.weight\": \"gamma\"",
    ),
    "a size that does not fit": (
        NET.format("", RETURN).replace("size**2", "size"),
        r"fails on two images \[2, 3, 16, 16\]",
    ),
    "a norm that types do not show": (
        NET.format(", bias=False", "return self.out(F.layer_norm(self.conv(x), x.shape[2:])"
                   ".flatten(1))"),
        r"conv.weight is not scale invariant, but its scale changes no logit.*"
        r"scale_invariant = \{\"conv.weight\": True\}",
    ),
    "a norm that is gone around": (
        NET.format(", bias=False", "y = self.conv(x)\n        "
                   "return self.out((y + self.norm(y)).flatten(1))"),
        r"conv.weight is scale invariant, but its scale changes the logits",
    ),
    "a probed layer that is not there": (
        NET.format("", RETURN).replace("def __i", 'probed_layers = ["body"]\n\n    def __i'),
        "has no submodule body that returns a tensor; expected .*conv, norm, out",
    ),
    "no module": ("def Net(way, size, c):\n    return 3\n", "made a int; expected a torch.nn.Mod"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_is_refused_in_words(tmp_path: Path, case: str) -> None:
    body, message = REFUSED[case]
    with pytest.raises(ExtensionError, match=message):
        written(tmp_path, body)


def test_a_bias_before_group_norm_ends_the_invariance(tmp_path: Path) -> None:
    biased = written(tmp_path, NET.format("", RETURN))
    assert invariant(biased) == {"conv.weight": False}


def test_what_types_do_not_show_can_be_said(tmp_path: Path) -> None:
    said = '    scale_invariant = {"conv.weight": True}\n'
    body, _ = REFUSED["a norm that types do not show"]
    body = body.replace("class Net(nn.Module):\n", "class Net(nn.Module):\n" + said)
    assert invariant(written(tmp_path, body)) == {"conv.weight": True}


def test_an_unknown_option_is_refused_with_those_there_are() -> None:
    with pytest.raises(InnerloopError, match=r"unexpected keyword argument 'filter'.*filters"):
        innerloop.network(filter=3)


def test_running_statistics_are_left_out() -> None:
    network = users("Residual")
    slow = network.initial(0, torch.float64)
    first = network(with_task_axis(slow, 2), IMAGES)
    assert torch.equal(network(with_task_axis(slow, 2), IMAGES), first)
    assert not any("running" in name for name in network.module.state_dict())
