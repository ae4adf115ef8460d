"""State dicts: a Conv4 of plain PyTorch in any usual layout computes what ours does."""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import innerloop
import tiny
from innerloop.networks.parameters import Parameters, with_task_axis
from innerloop.runtime.errors import InputError

NETWORK = tiny.NETWORK
SLOW = {name: value.float() for name, value in tiny.start(tiny.METHOD)[0].items()}
IMAGES = tiny.tasks().batch(range(1)).query.images

BLOCK = ("conv", "norm", "relu", "pool")


def layers(number: int, *, bias: bool = True, running: bool = False) -> list[nn.Module]:
    channels = 3 if number == 1 else 4
    return [
        nn.Conv2d(channels, 4, 3, padding=1, bias=bias),
        nn.BatchNorm2d(4, track_running_stats=running),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]


def nested(*parts: tuple[str, nn.Module]) -> nn.Sequential:
    return nn.Sequential(OrderedDict(parts))


def blocks(
    name: Callable[[int], str], conv: str = "conv", norm: str = "norm", **how: bool
) -> list[tuple[str, nn.Module]]:
    """Four blocks under given names, with given names of their layers."""
    return [
        (name(number), nested(*zip((conv, norm, *BLOCK[2:]), layers(number, **how), strict=True)))
        for number in range(1, 5)
    ]


def head() -> nn.Linear:
    return nn.Linear(4, NETWORK.way)


class ByKind(nn.Module):
    """Layers defined kind by kind, as many write them, and the last first."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = head()
        for number in (4, 3, 2, 1):
            setattr(self, f"bn{number}", layers(number)[1])
        for number in (4, 3, 2, 1):
            setattr(self, f"conv{number}", layers(number)[0])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for number in range(1, 5):
            hidden = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(images))
            images = nn.functional.max_pool2d(hidden.relu(), 2)
        return self.fc(images.flatten(1))


def flat() -> nn.Sequential:
    body = [layer for number in range(1, 5) for layer in layers(number)]
    return nn.Sequential(*body, nn.Flatten(), head())


FLAT = ("flatten", nn.Flatten())

#: Modules as other programs define them.
MODULES: dict[str, Callable[[], nn.Module]] = {
    "torchmeta": lambda: nested(
        ("features", nested(*blocks(lambda n: f"layer{n}"), FLAT)), ("classifier", head())
    ),
    "learn2learn, MiniImagenetCNN": lambda: nested(
        ("base", nested(*blocks(lambda n: f"{n - 1}", norm="normalize"), FLAT)), ("linear", head())
    ),
    "learn2learn, CNN4": lambda: nested(
        ("features", nested(*blocks(lambda n: f"{n - 1}", norm="normalize", running=True), FLAT)),
        ("classifier", head()),
    ),
    "prototypical networks": lambda: nested(
        ("encoder", nested(*blocks(lambda n: f"{n - 1}", "0", "1"), FLAT)), ("fc", head())
    ),
    "blocks by name": lambda: nested(
        *blocks(lambda n: f"conv{n}", "0", "1", running=True), FLAT, ("logits", head())
    ),
    "on several GPUs": lambda: nested(
        ("module", nested(*blocks(lambda n: f"block{n}"), FLAT, ("fc", head())))
    ),
    "no biases": lambda: nested(*blocks(lambda n: f"{n}", bias=False), FLAT, ("fc", head())),
    "flat": flat,
    "kind by kind": ByKind,
}


def drawn(module: nn.Module) -> nn.Module:
    """The module, its parameters drawn so that no two layers agree."""
    generator = torch.Generator().manual_seed(0)
    for value in module.parameters():
        value.data = 1 / value[0].numel() ** 0.5 * torch.randn(value.shape, generator=generator)
    return module.train()


def read(module: nn.Module) -> Parameters:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return innerloop.from_state_dict(NETWORK, module.state_dict())


def logits(slow: Parameters) -> torch.Tensor:
    return NETWORK(with_task_axis(slow, 1), IMAGES)[0]


@pytest.mark.parametrize("layout", MODULES)
def test_it_computes_what_the_module_does(layout: str) -> None:
    module = drawn(MODULES[layout]())
    expected = module(IMAGES[0])
    assert expected.std() > 0.1
    torch.testing.assert_close(logits(read(module)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", MODULES)
def test_there_and_back_is_the_same_to_the_bit(layout: str) -> None:
    module = drawn(MODULES[layout]())
    state = innerloop.to_state_dict(NETWORK, SLOW, like=module.state_dict())
    assert state.keys() == module.state_dict().keys()
    module.load_state_dict(state)
    found = read(module)
    kept = {n: v for n, v in SLOW.items() if layout != "no biases" or not re.match(r"conv.\.bi", n)}
    assert all(torch.equal(found[name], value) for name, value in kept.items())
    torch.testing.assert_close(module(IMAGES[0]), logits(SLOW), rtol=1e-5, atol=1e-5)


def test_what_is_written_without_a_pattern_is_torchmetas() -> None:
    module = MODULES["torchmeta"]()
    module.load_state_dict(innerloop.to_state_dict(NETWORK, SLOW), strict=True)
    assert all(torch.equal(value, SLOW[name]) for name, value in read(module).items())


def test_nothing_is_shared_with_the_module() -> None:
    module = drawn(flat())
    slow = read(module)
    state = innerloop.to_state_dict(NETWORK, slow)
    before = logits(slow)
    for value in [*module.state_dict().values(), *state.values()]:
        value.zero_()
    assert torch.equal(logits(slow), before)


def test_a_file_whose_names_are_sorted_is_read_by_its_numbers() -> None:
    module = drawn(flat())
    state = dict(sorted(module.state_dict().items()))
    assert list(state).index("12.weight") < list(state).index("4.weight")
    slow = innerloop.from_state_dict(NETWORK, state)
    assert all(torch.equal(value, slow[name]) for name, value in read(module).items())


def test_running_statistics_are_said_to_be_left_out() -> None:
    module = drawn(MODULES["learn2learn, CNN4"]())
    with pytest.warns(UserWarning, match="running statistics are left out"):
        innerloop.from_state_dict(NETWORK, module.state_dict())
    for name, value in innerloop.to_state_dict(NETWORK, SLOW, like=module.state_dict()).items():
        if "running" in name or "tracked" in name:
            assert torch.equal(value, module.state_dict()[name])


def vars_of(slow: Parameters) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """A state whose names say nothing, as a ParameterList has them, and which is which."""
    names = {name: f"vars.{number}" for number, name in enumerate(slow)}
    return {names[name]: value for name, value in slow.items()}, names


def test_names_can_be_given() -> None:
    state, names = vars_of(SLOW)
    found = innerloop.from_state_dict(NETWORK, state, names)
    assert all(torch.equal(found[name], value) for name, value in SLOW.items())
    del names["conv2.bias"], names["conv2.gamma"]
    found = innerloop.from_state_dict(NETWORK, state, names)
    assert found["conv2.bias"].unique().tolist() == [0]
    assert found["conv2.gamma"].unique().tolist() == [1]


def test_other_networks_are_named_by_their_own_module() -> None:
    network = innerloop.network("resnet12", way=3, image_size=16, widths=[2, 2, 2, 2])
    slow = network.initial(0)
    state = innerloop.to_state_dict(network, slow)
    assert state.keys() == network.module.state_dict().keys()
    found = innerloop.from_state_dict(network, state)
    assert all(torch.equal(found[name], value) for name, value in slow.items())
    with pytest.raises(InputError, match="the state has no block1"):
        innerloop.from_state_dict(network, STATE)


STATE = innerloop.to_state_dict(NETWORK, SLOW)
WIDER = innerloop.network(way=5, filters=4, image_size=16)
RESNET = {f"layer{n // 2}.{n % 2}.conv1.weight": torch.zeros(4, 4, 3, 3) for n in range(8)}
UNNUMBERED = {
    key.replace("layer1", "first").replace("layer2", "second"): value
    for key, value in STATE.items()
}


def read_state(state: Any, names: dict[str, str] | None = None) -> Parameters:
    return innerloop.from_state_dict(NETWORK, state, names)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a module": (lambda: read_state(flat()), r"is a Sequential; .*module.state_dict\(\)"),
    "a training state": (
        lambda: read_state({"epoch": 3, "model": STATE}),
        "'epoch' is a int; expected tensors by name",
    ),
    "a state in a state": (lambda: read_state({"model": STATE}), r"perhaps state\['model'\]"),
    "nothing": (lambda: read_state({}), "4 layers of convolution .*, found none"),
    "a ResNet": (lambda: read_state(RESNET), r"4 layers of convolution .*found layer0\.0\.conv1"),
    "a network without BatchNorm": (
        lambda: read_state({key: value for key, value in STATE.items() if "norm" not in key}),
        "expected 4 layers of BatchNorm",
    ),
    "two heads": (
        lambda: read_state({**STATE, "other.weight": torch.zeros(3, 4)}),
        "expected one dense layer, found classifier, other",
    ),
    "blocks without numbers": (
        lambda: read_state(UNNUMBERED),
        r"names differ in a number, found features.first.conv, .* by names=\{'conv1.weight'",
    ),
    "another way": (
        lambda: innerloop.from_state_dict(WIDER, STATE),
        r"state: head.weight is \[3, 4\]; expected \[5, 4\]",
    ),
    "something more": (
        lambda: read_state({**STATE, "temperature": torch.ones(1)}),
        "Conv4 has no parameter for .*temperature",
    ),
    "names that are not there": (
        lambda: read_state(STATE, {"conv1.weight": "vars.0"}),
        r"the state has no vars.0; it has features.layer1.conv.weight \[4, 3, 3, 3\]",
    ),
    "too few names": (
        lambda: read_state(STATE, {"conv1.weight": "features.layer1.conv.weight"}),
        "names: conv2.weight is missing",
    ),
    "a foreign network": (
        lambda: innerloop.from_state_dict(flat(), STATE),  # type: ignore[arg-type]
        "network is a Sequential; expected innerloop.network",
    ),
    "a module of another way": (
        lambda: innerloop.to_state_dict(WIDER, WIDER.initial(0), like=STATE),
        r"classifier.weight is \[3, 4\], but head.weight is \[5, 4\]",
    ),
    "a module without the head's bias": (
        lambda: innerloop.to_state_dict(
            NETWORK, SLOW, like={k: v for k, v in STATE.items() if k != "classifier.bias"}
        ),
        "like: has no place for head.bias, which is not 0 everywhere",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_conv4_is_refused_in_words(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        call()
