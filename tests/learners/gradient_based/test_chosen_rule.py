"""A user's rule that would not do what it says is refused before it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.gradient_based.update_rules.declaration import check_source
from innerloop.networks.options import Role
from innerloop.runtime.errors import ConfigError, ExtensionError

HEAD = """
from functools import partial
import torch
from innerloop.learners.gradient_based.update_rules.rule import UpdateRule, update_rule

class Rule:
    def __call__(self, weight, gradient, step_size, *, factor=1.0, on=0 > 1, norm="", limit=None):
        return weight - factor * step_size * gradient

def plain(weight, gradient, step_size, *, factor=1.0, on=False, norm="tensor", limit=None):
    return weight - factor * step_size * gradient

instance = Rule()
part = partial(plain, on=True)
made = UpdateRule(plain, roles=("head",), options={"factor": 2.0})
number = 3
"""


def method_of(folder: Path, code: str, name: str = "rule", **values: Any) -> Method:
    path = folder / f"{folder.name}.py"
    path.write_text(HEAD + code, encoding="utf-8")
    return Method("mine", update_rule=f"{path}:{name}", **values)


def body(expression: str, roles: str = "") -> str:
    head = f"@update_rule({roles})\ndef rule(weight, gradient, step_size):\n"
    return f"{head}    return {expression}\n"


@pytest.mark.parametrize("role", ["'convolution'", "'head', 'conv_weights'", "'conv'"])
def test_an_unknown_role_is_refused(tmp_path: Path, role: str):
    made = method_of(tmp_path, body("weight - step_size * gradient", role))
    for check in (check_source, rule_of):
        with pytest.raises(ExtensionError, match=r"which is not a role.*conv_weight"):
            check(made)


@pytest.mark.parametrize(
    ("roles", "values"),
    [
        ("", {"adapts": "head"}),
        ("'conv_bias', 'norm'", {"adapts": "head"}),
        ("'head'", {"adapts": "body"}),
        ("'norm'", {"adapt_batch_norm": False}),
    ],
)
def test_a_rule_that_moves_nothing_is_refused(tmp_path: Path, roles: str, values: dict[str, Any]):
    made = method_of(tmp_path, body("weight - step_size * gradient", roles), **values)
    for check in (check_source, rule_of):
        with pytest.raises(ConfigError, match="none of which moves under adapts"):
            check(made)


@pytest.mark.parametrize("name", ["scaled_lr", "unit_norm"])
def test_so_is_a_built_in_one(name: str):
    entry = f"innerloop.learners.gradient_based.update_rules.rules:{name}"
    with pytest.raises(ConfigError, match=f"'{name}' is for conv_weight, none of which moves"):
        rule_of(Method("mine", update_rule=entry, adapts="head"))


@pytest.mark.parametrize(
    ("expression", "values", "said"),
    [
        ("weight - step_size * gradient.detach()", {}, "gradient.*first order"),
        ("weight.detach() - step_size * gradient", {}, "weight.*would not be trained"),
        ("weight.detach() - gradient.detach()", {"first_order": True}, "weight"),
        ("weight - 0.1 * gradient", {"learn_step_size": True}, "step size.*not be learned"),
        ("weight - step_size * gradient / 0", {}, "not finite"),
        ("weight.sub_(step_size * gradient)", {}, "changes its arguments in place"),
        ("weight.sum()", {}, "Expected: the moved weight"),
    ],
)
def test_a_rule_is_tried(tmp_path: Path, expression: str, values: dict[str, Any], said: str):
    made = method_of(tmp_path, body(expression), **values)
    with pytest.raises(ExtensionError, match=said) as caught:
        rule_of(made)
    assert f"{tmp_path.name}.py" in str(caught.value)


def test_a_bias_before_batch_norm_has_a_gradient_of_zero(tmp_path: Path):
    expression = "weight - step_size * gradient / gradient.norm()"
    assert rule_of(method_of(tmp_path, body(expression)))
    other = tmp_path / "biases"
    other.mkdir()
    with pytest.raises(ExtensionError, match="gradient of zero"):
        rule_of(method_of(other, body(expression, "'conv_bias'")))


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("weight - step_size * gradient.detach()", {"first_order": True}),
        ("weight - step_size * gradient.sign()", {}),
        ("weight - 0.1 * gradient", {}),
        ("weight - step_size * weight.norm().detach() * gradient", {}),
    ],
)
def test_what_is_meant_is_not_refused(tmp_path: Path, expression: str, values: dict[str, Any]):
    assert rule_of(method_of(tmp_path, body(expression), **values))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("on", "maybe", "takes true or false"),
        ("on", 1, "takes true or false"),
        ("factor", True, "takes a number"),
        ("factor", "2", "takes a number"),
        ("norm", 2, "takes a string"),
        ("factr", 2, "takes no option 'factr'; did you mean 'factor'"),
    ],
)
@pytest.mark.parametrize("name", ["plain", "part", "made", "instance"])
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, name: str, option: str, value: object, said: str
):
    made = method_of(tmp_path, "", name, rule_options={option: value})
    for check in (check_source, rule_of):
        if (check, name) != (check_source, "instance"):  # of which its file does not say enough
            with pytest.raises(ConfigError, match=said):
                check(made)


@pytest.mark.parametrize(
    ("name", "role", "factor"),
    [
        ("plain", "conv_weight", 4),
        ("part", "conv_weight", 0.5),
        ("instance", "conv_weight", -2.0),
        ("made", "head", 0),
    ],
)
def test_rules_of_every_form_take_options(tmp_path: Path, name: str, role: Role, factor: float):
    made = method_of(tmp_path, "", name, rule_options={"factor": factor})
    check_source(made)
    weight, gradient = torch.ones(1, 2, 2), torch.ones(1, 2, 2)
    moved = rule_of(made)(role, weight, gradient, torch.tensor(0.125))
    assert (moved == 1 - 0.125 * factor).all()


@pytest.mark.parametrize("name", ["Rule", "number"])
def test_what_is_no_rule_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ExtensionError, match="is not a function"):
        rule_of(method_of(tmp_path, "", name))


def test_the_plain_step_takes_no_options():
    entry = "innerloop.learners.gradient_based.update_rules.rules:sgd"
    for check in (check_source, rule_of):
        with pytest.raises(ConfigError, match="takes no option 'norm'; known are none"):
            check(Method("mine", update_rule=entry, rule_options={"norm": "filter"}))


def test_a_built_in_rule_knows_its_norms():
    entry = "innerloop.learners.gradient_based.update_rules.rules:unit_norm"
    for norm in ("tensors", ""):
        with pytest.raises(ConfigError, match="choose from tensor, filter"):
            rule_of(Method("mine", update_rule=entry, rule_options={"norm": norm}))
    with pytest.raises(ConfigError, match="takes true or false"):
        rule_of(Method("mine", update_rule=entry, rule_options={"detach_norm": "maybe"}))
