"""The analytic engine and autograd: one answer, for all methods, to 1e-10 in float64."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
import torch

import innerloop
import tiny
from innerloop.data.tasks import TaskBatch
from innerloop.engine.autograd import Autograd
from innerloop.engine.engine import engine_of
from innerloop.engine.losses import task_groups
from innerloop.learners.gradient_based.adapt import adapt
from innerloop.learners.gradient_based.method import Method
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.learners.losses import loss_scale
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters

MODULES = Path(__file__).parents[1] / "networks/modules.py"
STEP_SIZE = 0.1
BATCH = tiny.batch(3)


def users(name: str, **options: object) -> Network:
    return innerloop.network(f"{MODULES}:{name}", way=3, image_size=16, **options)


def outer(
    network: Network, chosen: Method, steps: int, tasks: TaskBatch = BATCH, *, keep: bool = False
) -> tuple[Parameters, torch.Tensor, list[torch.Tensor]]:
    """Fast weights, query losses, and the outer gradient."""
    slow, sizes = tiny.start(chosen, network, requires_grad=True)
    learned = [*slow.values(), *(sizes.values() if chosen.learn_step_size else [])]
    fast = adapt(
        network, slow, chosen, tasks.support,
        steps=steps, step_sizes=sizes, differentiable=True, keep_activations=keep,
    ).fast  # fmt: skip
    scale = loss_scale(tasks.query.labels, network.way)
    losses, _ = engine_of(network).losses(fast, tasks.query, scale, support=tasks.support.images)
    gradients = torch.autograd.grad(losses.mean(), learned, materialize_grads=True)
    return fast, losses, list(gradients)


def check(one: tuple, other: tuple) -> None:
    for name, weight in one[0].items():
        torch.testing.assert_close(other[0][name], weight, rtol=1e-10, atol=1e-10)
    for mine, theirs in zip([one[1], *one[2]], [other[1], *other[2]], strict=True):
        torch.testing.assert_close(theirs, mine, rtol=1e-10, atol=1e-10)


def test_which_one_runs_follows_from_the_network() -> None:
    named = {
        (normalisation, *options): innerloop.network(
            way=3, filters=4, image_size=16, normalisation=normalisation
        )
        for normalisation, *options in (("batch",), ("support",), ("group",), ("none",))
    }
    engines = {name[0]: engine_of(network).name for name, network in named.items()}
    analytic, autograd = "analytic", "autograd"
    assert engines == {"batch": analytic, "support": analytic, "group": autograd, "none": autograd}
    assert engine_of(users("SameConv4", filters=4)).name == autograd


@pytest.mark.parametrize("first_order", [False, True], ids=["second_order", "first_order"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", METHODS)
def test_both_are_the_same(name: str, steps: int, first_order: bool) -> None:
    chosen = method(name, step_size=STEP_SIZE, first_order=first_order)
    same = users("SameConv4", filters=4)
    check(outer(tiny.NETWORK, chosen, steps), outer(same, chosen, steps))


@pytest.mark.parametrize("name", METHODS)
def test_both_are_the_same_under_the_support_s_statistics(name: str) -> None:
    chosen = method(name, step_size=STEP_SIZE)
    network = tiny.NETWORK.with_options(normalisation="support")
    same = users("SameConv4", filters=4, normalisation="support")
    check(outer(network, chosen, 2), outer(same, chosen, 2))


@pytest.mark.parametrize("network", [users("Residual"), users("Dense"), users("OneByOne")])
@pytest.mark.parametrize("name", ["maml", "meta_sgd"])
def test_recomputed_activations_give_what_kept_ones_do(name: str, network: Network) -> None:
    chosen = method(name, step_size=STEP_SIZE)
    check(outer(network, chosen, 3), outer(network, chosen, 3, keep=True))


@pytest.mark.parametrize(
    ("module", "network"), [("autograd", users("Dense")), ("analytic.engine", tiny.NETWORK)]
)
def test_only_what_is_not_kept_is_recomputed(
    module: str, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass per inner step and one for the query; without keeping, again all steps but the last.

    The last step's pass is always kept, since the backward pass needs it at once.
    """
    group = import_module(f"innerloop.engine.{module}")._Group
    forward, passes = group.forward, []

    def counted(*arguments: object, **options: object) -> object:
        passes.append(arguments)
        return forward(*arguments, **options)

    monkeypatch.setattr(group, "forward", counted)
    counts = []
    for keep in (False, True):
        passes.clear()
        outer(network, method("maml", step_size=STEP_SIZE), 4, keep=keep)
        counts.append(len(passes))
    assert counts == [4 + 1 + 3, 4 + 1]


def test_groups_of_tasks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, chosen = users("Residual"), method("maml", step_size=STEP_SIZE)
    together = outer(network, chosen, 2)
    monkeypatch.setattr("innerloop.engine.losses.IMAGES_OF_A_GROUP", 1)
    check(together, outer(network, chosen, 2))


@pytest.mark.parametrize(("pixels", "together"), [(1, 12), (28**2, 12), (84**2, 1), (500**2, 1)])
def test_tasks_of_large_images_go_one_by_one(pixels: int, together: int) -> None:
    groups = task_groups(torch.zeros(20, 5), pixels)
    assert len(range(20)[groups[0]]) == together
    assert [task for group in groups for task in range(20)[group]] == list(range(20))


def test_one_task_by_one_gives_what_vmap_does(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = method("maml", step_size=STEP_SIZE)
    check(outer(users("Dense"), chosen, 2), outer(users("OneByOne"), chosen, 2))


def test_it_works_in_inference_mode() -> None:
    network = users("Residual")
    slow, sizes = tiny.start(tiny.METHOD, network)
    expected = adapt(network, slow, tiny.METHOD, BATCH.support, steps=2, step_sizes=sizes).fast
    with torch.inference_mode():
        batch = tiny.batch(3)
        found = adapt(network, slow, tiny.METHOD, batch.support, steps=2, step_sizes=sizes).fast
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-10, atol=1e-10)


@dataclass(eq=False)
class Saved:
    tensor: torch.Tensor


def kept_between_steps(network: Network, steps: int) -> int:
    """Numbers that autograd saves for the outer gradient, beside weights."""
    slow, sizes = tiny.start(tiny.METHOD, network, requires_grad=True)
    alive: weakref.WeakSet[Saved] = weakref.WeakSet()

    def saved(tensor: torch.Tensor) -> Saved:
        alive.add(kept := Saved(tensor))
        return kept

    with torch.autograd.graph.saved_tensors_hooks(saved, lambda kept: kept.tensor):
        adapted = adapt(
            network, slow, tiny.METHOD, BATCH.support,
            steps=steps, step_sizes=sizes, differentiable=True,
        )  # fmt: skip
    assert adapted.fast
    return sum(kept.tensor.numel() for kept in alive)


def test_no_activations_are_kept_between_inner_steps() -> None:
    network = users("Residual", filters=4)
    weights = sum(value.numel() for value in network.initial(0).values()) * len(BATCH)
    grown = kept_between_steps(network, 6) - kept_between_steps(network, 5)
    assert grown <= 3 * weights  # weights, gradients and step sizes alone


def test_the_engine_is_autograd_for_any_other_network() -> None:
    assert isinstance(engine_of(users("Residual")), Autograd)
