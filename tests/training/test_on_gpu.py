"""On a GPU: the CPU's numbers, the same bits every time, also where a step is recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import tiny
from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.learners.gradient_based.learner import GradientLearner, query_result
from innerloop.learners.gradient_based.methods import METHODS, Method, method
from innerloop.learners.learner import QueryResult
from innerloop.networks.parameters import Parameters
from innerloop.runtime.compute import Compute
from innerloop.runtime.device import set_up
from innerloop.runtime.errors import ConfigError
from innerloop.specs.train import Schedule
from innerloop.training.captured_step import CapturedStep
from innerloop.training.training import Training

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason=f"torch {torch.__version__} sees no GPU here"
)

GPU, CPU = torch.device("cuda"), torch.device("cpu")
RULES = Path(__file__).parents[1] / "learners/gradient_based/stateful_rules.py"
CHOSEN = {**METHODS, "adam": method("maml", update_rule=f"{RULES}:adam")}
SCHEDULE = Schedule(
    iterations=12, meta_batch=2, train_steps=2, test_steps=3, outer_step_size=0.01,
    validation_every=6, validation_tasks=4, checkpoints=(0, 12), tasks_at_once=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _exact() -> None:
    """As jobs set a GPU up by default."""
    set_up(Compute("cuda", 1), training=True)


def on(device: torch.device, batch: TaskBatch) -> TaskBatch:
    def moved(labelled: Labelled) -> Labelled:
        return Labelled(labelled.images.to(device), labelled.labels.to(device))

    return replace(batch, support=moved(batch.support), query=moved(batch.query))


def outer_gradient(chosen: Method, device: torch.device) -> tuple[torch.Tensor, Parameters]:
    """Query losses and the outer gradient, in double precision, on the CPU."""
    slow, sizes = tiny.start(chosen)
    slow, sizes = (
        {name: value.to(device).requires_grad_() for name, value in found.items()}
        for found in (slow, sizes)
    )
    result = query_result(tiny.NETWORK, slow, sizes, chosen, on(device, tiny.batch(2)), 3)
    learned = {**slow, **{f"step size of {name}": value for name, value in sizes.items()}}
    found = torch.autograd.grad(
        result.losses.mean(), list(learned.values()), materialize_grads=True
    )
    gradients = {name: value.cpu() for name, value in zip(learned, found, strict=True)}
    return result.losses.detach().cpu(), gradients


@pytest.mark.parametrize("name", METHODS)
def test_outer_gradients_are_the_cpu_s(name: str) -> None:
    chosen = method(name, step_size=0.1)
    torch.testing.assert_close(
        outer_gradient(chosen, GPU), outer_gradient(chosen, CPU), rtol=1e-8, atol=1e-9
    )


def training(name: str = "maml", **options: Any) -> Training:
    tasks = [replace(tiny.tasks(split, purpose=split), device=GPU) for split in ("train", "val")]
    learner = GradientLearner(CHOSEN[name], SCHEDULE.train_steps)
    return Training(tiny.NETWORK, learner, SCHEDULE, *tasks, seed=0, **options)


def trained(found: Training) -> str:
    for _ in found:
        pass
    return found.model(tiny.TRAINING).digest()


@pytest.mark.parametrize("cuda_graph", [True, False])
@pytest.mark.parametrize("name", ["maml", "unit_norm", "meta_sgd", "anil", "adam"])
def test_training_repeats_itself_to_the_bit(name: str, cuda_graph: bool) -> None:
    first, second = (trained(training(name, cuda_graph=cuda_graph)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("at", [1, 6, 7])
def test_continuing_gives_the_same_bits(at: int) -> None:
    stopped = training()
    steps = iter(stopped)
    for _ in range(at):
        next(steps)
    continued = training()
    continued.restore(stopped.state())
    assert trained(continued) == trained(training())


@pytest.mark.parametrize("name", ["maml", "scaled_lr", "meta_sgd", "anil", "adam"])
def test_a_recorded_step_gives_the_same_up_to_rounding(name: str) -> None:
    recorded, plain = training(name), training(name, cuda_graph=False)
    for found in (recorded, plain):
        trained(found)
    torch.testing.assert_close(recorded.learned, plain.learned, rtol=1e-4, atol=1e-6)
    assert recorded.curves[-1]["tasks"] == plain.curves[-1]["tasks"]


def test_a_step_that_cannot_be_recorded_says_what_to_do() -> None:
    batch = on(GPU, tiny.batch(2))

    def waits(tasks: TaskBatch) -> QueryResult:
        found = tasks.query.images.mean(dim=(1, 2, 3, 4))
        assert float(found.sum()) > 0
        return QueryResult(found, found)

    with pytest.raises(ConfigError, match=r"compute\.cuda_graph: false"):
        CapturedStep(waits, lambda: None, batch)
