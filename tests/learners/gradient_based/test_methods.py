"""A method is data: its values, its refusals, and which parameters it moves."""

import json
import math

import pytest

import innerloop
from innerloop.learners.gradient_based.adapt import adapted_names
from innerloop.learners.gradient_based.methods import METHODS, Method, method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.runtime.errors import ConfigError, ExtensionError
from innerloop.runtime.files import canonical_json
from innerloop.runtime.typed_json import from_json

NAMES = list(innerloop.network(way=3, filters=2, image_size=16).initial(0))
HEAD = {"head.weight", "head.bias"}
NORM = {name for name in NAMES if name.endswith((".gamma", ".beta"))}


@pytest.mark.parametrize("name", METHODS)
def test_survives_json(name: str):
    made = method(name)
    assert from_json(Method, json.loads(canonical_json(made))) == made


def test_a_range_of_step_sizes_survives_json():
    made = method("meta_sgd", step_size=[0.005, 0.1])
    assert made.step_size == (0.005, 0.1)
    assert from_json(Method, json.loads(canonical_json(made))) == made


@pytest.mark.parametrize(
    ("name", "overrides", "expected"),
    [
        ("maml", {}, set(NAMES)),
        ("maml", {"adapt_batch_norm": False}, set(NAMES) - NORM),
        ("anil", {}, HEAD),
        ("boil", {}, set(NAMES) - HEAD),
        ("boil", {"adapt_batch_norm": False}, set(NAMES) - HEAD - NORM),
        ("scaled_lr", {}, set(NAMES)),
        ("unit_norm", {}, set(NAMES)),
        ("meta_sgd", {}, set(NAMES)),
    ],
)
def test_what_adapts(name: str, overrides: dict, expected: set[str]):
    assert set(adapted_names(method(name, **overrides), NAMES)) == expected


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"step_size": [0.1, 0.2]}, "is a range"),
        ({"adapts": "head", "adapt_batch_norm": False}, "contradicts adapts: head"),
        ({"adapts": "bodyy"}, "adapts is 'bodyy'; choose from all, head, body"),
        ({"inner_loss": "sum"}, "inner_loss is 'sum'; choose from mean, sum_over_shots"),
        ({"constraint": "unit"}, "constraint is 'unit'; choose from none, unit_norm"),
        ({"step_size": "0.1"}, "step_size is '0.1'; expected a number or"),
        ({"step_size": float("nan")}, "step_size is nan; expected a number"),
        ({"step_size_multiplier": None}, "step_size_multiplier is None; expected a number"),
        ({"step_size": [0.2, 0.1], "learn_step_size": True}, r"not a range; write \[low, high\]"),
        ({"step_size": [0.1], "learn_step_size": True}, r"expected .* or \[a number, a number\]"),
        (
            {"learn_step_size": "layers"},
            "is 'layers'; choose from False, True, parameter, layer, step_and_layer",
        ),
        ({"learn_step_size": 1}, "is 1; choose from False, True"),
        ({"first_order": "no"}, "first_order is 'no'; expected True or False"),
        ({"rule_options": "filter"}, "rule_options is 'filter'; expected names and values"),
        ({"step_size_lower_bound": 0}, "is for step sizes that are learned"),
        (
            {"learn_step_size": "layer", "step_size_lower_bound": "0"},
            "is '0'; expected a number or None",
        ),
        (
            {"learn_step_size": True, "step_size": [-0.1, 0.1], "step_size_lower_bound": 0},
            "start at -0.1, below their step_size_lower_bound of 0",
        ),
        (
            {"learn_step_size": "layer", "step_size_multiplier": -1, "step_size_lower_bound": 0},
            "start at -0.01, below",
        ),
    ],
)
def test_contradictions_are_refused(values: dict, said: str):
    with pytest.raises(ConfigError, match=said):
        Method("own", **values)


def test_the_old_spelling_of_learned_step_sizes_is_that_of_each_parameter():
    assert Method("own", learn_step_size=True) == Method("own", learn_step_size="parameter")
    read = from_json(Method, {"name": "own", "learn_step_size": True})
    assert read.learn_step_size == "parameter"
    assert not Method("own").learn_step_size


def test_a_bound_of_minus_infinity_is_none():
    made = Method("own", learn_step_size=True, step_size_lower_bound=-math.inf)
    assert made == Method("own", learn_step_size=True)
    canonical_json(made)


def test_unknown_names_are_refused():
    with pytest.raises(ConfigError, match="'mamml' is unknown; did you mean 'maml'"):
        method("mamml")
    with pytest.raises(
        ConfigError, match=r"'stepsize'; did you mean 'step_size'\? Known are name,"
    ):
        method("maml", stepsize=1)
    with pytest.raises(ConfigError, match="'scaledlr' is unknown; did you mean 'scaled_lr'"):
        method("maml", update_rule="scaledlr")
    with pytest.raises(ConfigError, match=r"'conv5' is unknown; did you mean 'conv4'.*, resnet12"):
        innerloop.network("conv5")
    with pytest.raises(ExtensionError, match=r"write @innerloop.update_rule\(\)"):
        innerloop.update_rule(lambda weight, gradient, step_size: weight)
    with pytest.raises(ExtensionError, match=r"no file nowhere\.py"):
        rule_of(Method("own", update_rule="nowhere.py:rule"))
    with pytest.raises(ExtensionError, match="neither a known name nor an entry"):
        rule_of(Method("own", update_rule="scaledlr"))
