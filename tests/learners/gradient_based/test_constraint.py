"""The constraint of unit norm on slow weights."""

import pytest
import torch

from innerloop.learners.gradient_based.adapt import adapt
from innerloop.learners.gradient_based.constraint import constrained
from innerloop.learners.gradient_based.methods import method
from innerloop.networks.parameters import role_of
from innerloop.runtime.errors import ConfigError
from tiny import NETWORK, batch

SLOW = {name: value + 0.1 for name, value in NETWORK.initial(0, torch.float64).items()}


def test_conv_weights_have_norm_one_and_keep_their_direction():
    found = constrained(method("unit_norm"), SLOW)
    for name, weight in found.items():
        if role_of(name) == "conv_weight":
            torch.testing.assert_close(weight.norm(), torch.tensor(1.0).double())
            torch.testing.assert_close(weight * SLOW[name].norm(), SLOW[name])
        else:
            assert torch.equal(weight, SLOW[name])


def test_per_filter():
    found = constrained(method("unit_norm", rule_options={"norm": "filter"}), SLOW)
    norms = found["conv2.weight"].flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(4).double())


def test_other_methods_are_free():
    assert constrained(method("scaled_lr"), SLOW) is SLOW


def test_adapting_starts_on_the_constraint_or_not_at_all():
    support, chosen = batch(1).support, method("unit_norm")
    with pytest.raises(ConfigError, match=r"conv1\.weight has norm .*constrained\(method, slow\)"):
        adapt(NETWORK, SLOW, chosen, support, steps=1)
    assert adapt(NETWORK, constrained(chosen, SLOW), chosen, support, steps=1).fast
    assert adapt(NETWORK, SLOW, method("maml"), support, steps=1).fast


def test_the_constraint_is_of_the_rule_s_norm():
    support, filters = batch(1).support, method("unit_norm", rule_options={"norm": "filter"})
    with pytest.raises(ConfigError, match="at norm 1"):
        adapt(NETWORK, constrained(method("unit_norm"), SLOW), filters, support, steps=1)
    assert adapt(NETWORK, constrained(filters, SLOW), filters, support, steps=1).fast
