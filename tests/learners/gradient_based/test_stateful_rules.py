"""Rules with a state, a step and a view of their layer, against one task at a time by autograd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from innerloop.learners.gradient_based.adapt import adapt, query_logits
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.methods import method
from innerloop.learners.gradient_based.update_rules.chosen import rule_of
from innerloop.learners.gradient_based.update_rules.declaration import check_source
from innerloop.learners.losses import task_losses
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, role_of
from innerloop.runtime.errors import ConfigError, ExtensionError
from oracle import Oracle

FILE = Path(__file__).with_name("stateful_rules.py")
STEP_SIZE, TASKS = 0.1, 2
BATCH = tiny.batch(TASKS)
ORACLE = Oracle()


def users(name: str, **options: Any) -> Method:
    return method("maml", step_size=STEP_SIZE, update_rule=f"{FILE}:{name}", rule_options=options)


def adapted(chosen: Method, slow: Parameters, steps: int = 3, **values: Any) -> Parameters:
    return adapt(tiny.NETWORK, slow, chosen, BATCH.support, steps=steps, **values).fast


def one_task(
    chosen: Method, slow: Parameters, number: int, step: Callable[..., Any], steps: int
) -> torch.Tensor:
    """The query loss of one task, after steps `(name, weight, gradient, state, n, layer)`."""
    rule, fast = rule_of(chosen), dict(slow)
    state = {
        name: rule.init(weight) if rule.init and role_of(name) in rule.roles else None
        for name, weight in fast.items()
    }
    for n in range(steps):
        loss = ORACLE.loss(fast, BATCH.support.images[number], BATCH.support.labels[number])
        gradients = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
        before = dict(fast)
        for (name, weight), gradient in zip(before.items(), gradients, strict=True):
            if role_of(name) in rule.roles:
                layer = before[f"{name.partition('.')[0]}.weight"]
                fast[name], state[name] = step(weight, gradient, state[name], n, layer)
            else:
                fast[name] = weight - STEP_SIZE * gradient
    query = BATCH.query.images[number], BATCH.query.labels[number]
    return ORACLE.query_loss(fast, BATCH.support.images[number], *query, tiny.NETWORK.way)


def momentum(weight, gradient, state, n, layer):
    state = 0.5 * state + gradient
    return weight - STEP_SIZE * state, state


def adam(weight, gradient, state, n, layer):
    mean, square = 0.9 * state[0] + 0.1 * gradient, 0.99 * state[1] + 0.01 * gradient.square()
    length = (square / (1 - 0.99 ** (n + 1)) + 1e-6).sqrt()
    return weight - STEP_SIZE * mean / (1 - 0.9 ** (n + 1)) / length, (mean, square)


def decayed(weight, gradient, state, n, layer):
    return weight - STEP_SIZE / (n + 1) * gradient, None


def scaled_layer(weight, gradient, state, n, layer):
    return weight - STEP_SIZE * layer.square().sum() * gradient, None


@pytest.mark.parametrize(
    ("chosen", "step"),
    [
        (users("momentum", decay=0.5), momentum),
        (users("adam"), adam),
        (users("decayed"), decayed),
        (method("maml", step_size=STEP_SIZE, update_rule="scaled_lr_layer"), scaled_layer),
    ],
    ids=["momentum", "adam", "decayed", "scaled_lr_layer"],
)
def test_the_second_order_is_that_of_autograd_in_one_task_at_a_time(
    chosen: Method, step: Callable[..., Any]
) -> None:
    slow, _ = tiny.start(chosen, requires_grad=True)
    fast = adapted(chosen, slow, differentiable=True)
    logits = query_logits(tiny.NETWORK, fast, BATCH.support.images, BATCH.query.images)
    losses = task_losses(logits, BATCH.query.labels)
    expected = torch.stack([one_task(chosen, slow, n, step, steps=3) for n in range(TASKS)])
    torch.testing.assert_close(losses, expected, rtol=1e-10, atol=1e-10)
    for name, one, other in zip(
        slow,
        torch.autograd.grad(losses.mean(), list(slow.values()), materialize_grads=True),
        torch.autograd.grad(expected.mean(), list(slow.values())),
        strict=True,
    ):
        text = f"gradient with respect to {name}"
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10, msg=text)


def test_momentum_of_zero_is_plain_descent() -> None:
    slow, _ = tiny.start(method("maml"))
    found, expected = (
        adapted(chosen, slow)
        for chosen in (users("momentum", decay=0.0), method("maml", step_size=STEP_SIZE))
    )
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())
    with_momentum = adapted(users("momentum"), slow)
    assert not torch.allclose(with_momentum["head.weight"], expected["head.weight"])


def test_the_first_step_of_momentum_is_plain() -> None:
    slow, _ = tiny.start(method("maml"))
    found, expected = (
        adapted(chosen, slow, steps=1)
        for chosen in (users("momentum"), method("maml", step_size=STEP_SIZE))
    )
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())


def test_scaled_lr_of_the_layer_is_scaled_lr_of_its_weight_and_as_much_of_gamma() -> None:
    slow, _ = tiny.start(method("maml"))
    scaled = adapted(method("scaled_lr", step_size=STEP_SIZE), slow, steps=1)
    layer = adapted(
        method("maml", step_size=STEP_SIZE, update_rule="scaled_lr_layer"), slow, steps=1
    )
    for name, weight in slow.items():
        if role_of(name) == "norm":
            square = slow[f"{name.partition('.')[0]}.weight"].square().sum()
            step = square * (scaled[name] - weight)
            torch.testing.assert_close(layer[name] - weight, step, rtol=1e-10, atol=1e-12)
        else:
            assert torch.equal(layer[name], scaled[name])


MODULES = FILE.parents[2] / "networks/modules.py"


@pytest.mark.parametrize(("module", "layer"), [("Residual", "stem"), ("Dense", "1")])
@pytest.mark.parametrize("norm", ["tensor", "filter"])
def test_rules_that_take_norms_run_on_any_network(module: str, layer: str, norm: str) -> None:
    network = Network(way=3, image_size=16, entry=f"{MODULES}:{module}", initialisation="own")
    slow = network.initial(0, torch.float64)
    for rule in ("scaled_lr", "unit_norm", "scaled_lr_layer"):
        options = {} if rule == "scaled_lr_layer" else {"norm": norm}
        chosen = method("maml", step_size=1e-3, update_rule=rule, rule_options=options)
        fast = adapt(network, slow, chosen, BATCH.support, steps=1).fast
        assert all(weight.isfinite().all() for weight in fast.values())
    gamma, square = f"{layer}.gamma", slow[f"{layer}.weight"].square().sum()
    plain = adapt(network, slow, method("maml", step_size=1e-3), BATCH.support, steps=1).fast
    step = square * (plain[gamma] - slow[gamma])
    torch.testing.assert_close(fast[gamma] - slow[gamma], step, rtol=1e-9, atol=1e-14)


def test_a_layer_without_a_conv_weight_is_named() -> None:
    network = Network(way=3, image_size=16, entry=f"{MODULES}:Scaled", initialisation="own")
    chosen = method("maml", update_rule="scaled_lr_layer")
    with pytest.raises(ExtensionError, match=r"conv weight of \w+.gamma's layer, which has none"):
        adapt(network, network.initial(0, torch.float64), chosen, BATCH.support, steps=1)


CONTRADICTIONS = [
    ("@update_rule()\ndef rule(weight, gradient, step_size, state): ...", "no init for it"),
    (
        "@update_rule(init=torch.zeros_like)\ndef rule(weight, gradient, step_size): ...",
        "but no parameter 'state'",
    ),
    (
        "@update_rule('head')\ndef rule(weight, gradient, step_size, *, conv_weight): ...",
        "declared for head, whose layer has no conv weight",
    ),
]


@pytest.mark.parametrize(("code", "said"), CONTRADICTIONS)
def test_contradictions_are_found_before_and_when_the_file_is_imported(
    tmp_path: Path, code: str, said: str
) -> None:
    chosen = written(tmp_path, code)
    for check in (check_source, rule_of):
        with pytest.raises(ExtensionError, match=said):
            check(chosen)


@pytest.mark.parametrize(
    ("returned", "init", "said"),
    [
        ("weight - step_size * gradient", "torch.zeros_like", "Expected: a pair"),
        ("(gradient.sum(), state)", "torch.zeros_like", "Expected: the moved weight"),
        ("(weight - step_size * gradient, 0.5)", "torch.zeros_like", "has the state 0.5"),
        ("(weight - step_size * gradient, state)", "len", "has the state 4"),
        (
            "(weight - step_size * gradient / state, state)",
            "torch.zeros_like",
            "numbers that are not finite",
        ),
        (
            "(weight - step_size * (gradient + state) / (1 - step), state)",
            "torch.zeros_like",
            "numbers that are not finite",
        ),
        (
            "(weight - step_size * (gradient - gradient).abs().sqrt(), state)",
            "torch.zeros_like",
            "derivatives that are not finite",
        ),
    ],
)
def test_what_returns_no_state_or_nothing_finite_is_refused_when_it_is_tried(
    tmp_path: Path, returned: str, init: str, said: str
) -> None:
    head = f"@update_rule(init={init})\ndef rule(weight, gradient, step_size, state, step):\n"
    with pytest.raises(ExtensionError, match=said) as caught:
        rule_of(written(tmp_path, f"{head}    return {returned}\n"))
    assert f"{tmp_path.name}.py" in str(caught.value)


def test_what_a_rule_receives_is_no_option(tmp_path: Path) -> None:
    code = "@update_rule(init=torch.zeros_like)\ndef rule(weight, gradient, step_size, state, *,"
    code += " conv_weight, decay=0.9):\n    return weight - step_size * gradient, state\n"
    for check in (check_source, rule_of):
        with pytest.raises(ConfigError, match="takes no option 'state'; known are decay"):
            check(written(tmp_path, code, state=1.0))


def written(folder: Path, code: str, **options: Any) -> Method:
    path = folder / f"{folder.name}.py"
    text = "import torch\nfrom innerloop import update_rule\n"
    path.write_text(f"{text}\n\n{code}\n", encoding="utf-8")
    return Method("mine", update_rule=f"{path}:rule", rule_options=options)
