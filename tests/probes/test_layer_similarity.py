"""layer_cka: a task on which nothing can be compared does not take the others with it."""

from __future__ import annotations

import pytest
import torch

import innerloop
import tiny
from innerloop.networks.options import LAYERS
from innerloop.networks.parameters import Parameters

BATCH = tiny.batch(3)
SLOW = tiny.start(tiny.METHOD)[0]
FAST = innerloop.adapt(tiny.NETWORK, SLOW, tiny.METHOD, BATCH.support, steps=2).fast


def diverged(*tasks: int, value: float = float("nan")) -> Parameters:
    """The fast weights, of which some tasks' are lost."""
    fast = {name: weight.clone() for name, weight in FAST.items()}
    for weight in fast.values():
        weight[list(tasks)] = value
    return fast


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("estimator", ["biased", "debiased"])
def test_the_other_tasks_keep_their_similarity(value: float, estimator: str) -> None:
    network, fast = tiny.NETWORK, diverged(1, value=value)
    whole = innerloop.layer_cka_per_task(network, SLOW, FAST, BATCH, estimator)
    found = innerloop.layer_cka_per_task(network, SLOW, fast, BATCH, estimator)
    with pytest.warns(RuntimeWarning, match="some of the 3 tasks, .* left out: conv1 1, .*head 1"):
        means = innerloop.layer_cka(network, SLOW, fast, BATCH, estimator)
    for layer in LAYERS:
        assert torch.equal(found[layer][[0, 2]], whole[layer][[0, 2]])
        assert found[layer].isnan().tolist() == [False, True, False]
        assert means[layer] == pytest.approx(float(whole[layer][[0, 2]].mean()))


def test_without_any_left_there_is_no_number() -> None:
    with pytest.warns(RuntimeWarning, match="conv4 3"):
        means = innerloop.layer_cka(tiny.NETWORK, SLOW, diverged(0, 1, 2), BATCH)
    assert all(value != value for value in means.values())


def test_means_are_of_the_tasks() -> None:
    means = innerloop.layer_cka(tiny.NETWORK, SLOW, FAST, BATCH)
    each = innerloop.layer_cka_per_task(tiny.NETWORK, SLOW, FAST, BATCH)
    assert means == {layer: pytest.approx(float(values.mean())) for layer, values in each.items()}
