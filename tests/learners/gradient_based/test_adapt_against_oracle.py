"""All methods, batched over tasks, against the one-task-at-a-time loop: to 1e-10 in float64."""

import pytest
import torch

import tiny
from innerloop.learners.gradient_based.adapt import adapt, query_logits
from innerloop.learners.gradient_based.methods import METHODS, Method, method
from innerloop.learners.losses import task_losses
from innerloop.networks.network import Network
from oracle import Oracle

TASKS, SHOT = 2, 2
TOLERANCE = {"rtol": 1e-10, "atol": 1e-10}
#: Large enough that five steps go far.
STEP_SIZE = 0.1


def oracle_of(chosen: Method, network: Network) -> Oracle:
    return Oracle(
        kind={"maml_3x": "maml"}.get(chosen.name, chosen.name),
        first_order=chosen.first_order,
        inner_loss=chosen.inner_loss,
        adapt_batch_norm=chosen.adapt_batch_norm,
        per_filter=chosen.rule_options.get("norm") == "filter",
        detach_norm=chosen.rule_options.get("detach_norm", False),
        inductive=network.batch_norm == "support",
        eps=network.module.eps,
        per_step=chosen.learn_step_size == "step_and_layer",
    )


def check(chosen: Method, steps: int, network: Network = tiny.NETWORK) -> None:
    """Adapted weights, query losses and meta-gradients agree, task by task."""
    slow, sizes = tiny.start(chosen, network, requires_grad=True)
    learned = [*slow.values(), *(sizes.values() if chosen.learn_step_size else [])]
    batch = tiny.batch(TASKS, shot=SHOT)

    fast = adapt(
        network, slow, chosen, batch.support, steps=steps, step_sizes=sizes, differentiable=True
    ).fast
    logits = query_logits(network, fast, batch.support.images, batch.query.images)
    losses = task_losses(logits, batch.query.labels)
    gradients = torch.autograd.grad(losses.mean(), learned, materialize_grads=True)

    oracle, expected_losses = oracle_of(chosen, network), []
    for number in range(TASKS):
        support = batch.support.images[number]
        expected = oracle.adapt(slow, sizes, support, batch.support.labels[number], steps)
        for name, weight in expected.items():
            torch.testing.assert_close(
                fast[name][number],
                weight,
                **TOLERANCE,
                msg=lambda text, name=name: f"{name}: {text}",
            )
        query = batch.query.images[number], batch.query.labels[number]
        expected_losses.append(oracle.query_loss(expected, support, *query, network.way))
    torch.testing.assert_close(losses, torch.stack(expected_losses), **TOLERANCE)
    expected_gradients = torch.autograd.grad(torch.stack(expected_losses).mean(), learned)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, **TOLERANCE)


@pytest.mark.parametrize("inner_loss", ["mean", "sum_over_shots"])
@pytest.mark.parametrize("first_order", [False, True], ids=["second_order", "first_order"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method(name: str, first_order: bool, inner_loss: str):
    """Other numbers of steps: tests/engine, against autograd."""
    chosen = method(name, step_size=STEP_SIZE, first_order=first_order, inner_loss=inner_loss)
    check(chosen, 3)


@pytest.mark.parametrize("name", METHODS)
def test_query_images_normalised_by_the_support_images(name: str):
    check(method(name, step_size=STEP_SIZE), 2, tiny.NETWORK.with_options(normalisation="support"))


@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"anil"}))
def test_gamma_and_beta_that_stay(name: str):
    check(method(name, step_size=STEP_SIZE, adapt_batch_norm=False), 2)


@pytest.mark.parametrize("steps", [2, tiny.STEPS + 2])
@pytest.mark.parametrize("learned", ["parameter", "layer", "step_and_layer"])
@pytest.mark.parametrize("name", ["maml", "scaled_lr"])
def test_learned_step_sizes_also_beyond_the_trained_steps(name: str, learned: str, steps: int):
    check(method(name, step_size=STEP_SIZE, learn_step_size=learned), steps)


@pytest.mark.parametrize("detach_norm", [False, True], ids=["", "detached"])
@pytest.mark.parametrize("norm", ["tensor", "filter"])
@pytest.mark.parametrize("name", ["scaled_lr", "unit_norm"])
def test_kinds_of_norms(name: str, norm: str, detach_norm: bool):
    options = {"norm": norm, "detach_norm": detach_norm}
    check(method(name, step_size=STEP_SIZE, rule_options=options), 2)


@pytest.mark.parametrize("eps", [1e-3, 1e-8])
def test_epsilon_of_batch_norm(eps: float):
    check(method("maml", step_size=STEP_SIZE), 2, tiny.NETWORK.with_options(eps=eps))


@pytest.mark.parametrize("differentiable", [False, True])
def test_the_values_do_not_depend_on_whether_a_graph_is_kept(differentiable: bool):
    chosen = method("scaled_lr", step_size=STEP_SIZE)
    slow, sizes = tiny.start(chosen, requires_grad=True)
    support = tiny.batch(TASKS).support
    expected = adapt(
        tiny.NETWORK, slow, chosen, support, steps=3, step_sizes=sizes, differentiable=True
    ).fast
    found = adapt(
        tiny.NETWORK, slow, chosen, support,
        steps=3, step_sizes=sizes, differentiable=differentiable,
    ).fast  # fmt: skip
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=1e-14)
        assert weight.requires_grad == differentiable
