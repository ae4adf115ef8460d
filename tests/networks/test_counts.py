"""What networks compute per image: Conv4 by formula, others by count, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import innerloop
from innerloop.networks.counting import count
from innerloop.networks.counts import NetworkCounts, conv4_counts, counts_of, keep
from innerloop.networks.options import NetworkOptions

NET = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, way, image_size, channels):
        super().__init__(
            nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.Flatten(),
            nn.Linear(8 * image_size**2, way),
        )
"""


@pytest.mark.parametrize(("size", "filters"), [(28, 32), (84, 8), (33, 16)])
def test_the_formula_of_conv4_is_what_is_counted_but_for_the_head(size: int, filters: int) -> None:
    counted = count(innerloop.network(image_size=size, filters=filters))
    head = filters * (size // 16) ** 2 * 5
    formula = conv4_counts(size, filters)
    assert counted == NetworkCounts(formula.operations + 2 * head, formula.activations + 5)


def test_a_network_is_known_once_it_was_counted_and_until_its_code_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET, encoding="utf-8")
    options = NetworkOptions(image_size=16, network="net.py:Net")
    assert counts_of(options) is None
    counts = count(innerloop.network("net.py:Net", image_size=16))
    macs = 16**2 * (3 * 9 * 8 + 8 * 5)
    assert counts == NetworkCounts(2 * macs, 8 * 16**2 + 5)
    keep(options, counts)
    assert counts_of(options) == counts
    Path("net.py").write_text(NET.replace("nn.ReLU()", "nn.Tanh()"), encoding="utf-8")
    assert counts_of(options) is None
