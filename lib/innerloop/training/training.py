"""Meta-training: Adam on the query loss after adaptation (MAML Algorithm 1, P2 eq. 2 and 4)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import torch

from innerloop.data.tasks import TaskBatch, Tasks
from innerloop.engine.engine import engine_of
from innerloop.learners.constraint import constrained
from innerloop.learners.method import Method
from innerloop.learners.step_sizes import bounded_below, initial_step_sizes
from innerloop.learners.update_rules.chosen import rule_of
from innerloop.networks.network import Network
from innerloop.networks.parameters import Parameters, detached
from innerloop.runtime.errors import DivergenceError
from innerloop.specs.train import Schedule, TrainSpec
from innerloop.training.captured_step import CapturedStep
from innerloop.training.dynamics import dynamics_rows
from innerloop.training.evaluation import evaluate
from innerloop.training.model_file import TrainedModel, Weights
from innerloop.training.outer_loop import QueryResult, query_result

#: Iterations between looks at the loss; each look waits for the device.
_CHECK_EVERY = 20


class Training:
    """A model in training: everything that a continued run needs is in `state()`.

    Iterating over it trains: each outer iteration yields its mean loss and accuracy, as tensors on
    the device, so that nothing waits for a GPU until somebody reads them.
    """

    def __init__(
        self,
        network: Network,
        method: Method,
        schedule: Schedule,
        train_tasks: Tasks,
        validation_tasks: Tasks,
        seed: int,
        *,
        keep_activations: bool = False,
        cuda_graph: bool = True,
    ) -> None:
        self._keep_activations = keep_activations
        recordable = cuda_graph and engine_of(network).recordable
        self._cuda_graph = recordable and train_tasks.device.type == "cuda"
        self._gradient_step: CapturedStep | None = None
        self.network, self.method, self.schedule = network, method, schedule
        self._train_tasks, self._validation_tasks = train_tasks, validation_tasks
        self._rule = rule_of(method)
        device = train_tasks.device
        slow = constrained(method, network.initial(seed))
        sizes = initial_step_sizes(method, slow, seed, schedule.train_steps)
        self.slow = {name: value.to(device).requires_grad_() for name, value in slow.items()}
        #: What is learned of the step sizes, before their lower bound.
        self.learned_sizes = {
            name: value.to(device).requires_grad_(bool(method.learn_step_size))
            for name, value in sizes.items()
        }
        learned = [
            *self.slow.values(),
            *(self.learned_sizes.values() if method.learn_step_size else []),
        ]
        self._optimiser = torch.optim.Adam(
            learned, lr=schedule.outer_step_size, fused=device.type == "cuda"
        )
        self.iteration = 0
        self.kept: dict[int, Weights] = {}
        self.best: tuple[float, int] = (-1.0, 0)
        self.curves: list[dict[str, Any]] = []
        self.dynamics: list[dict[str, Any]] = []
        self._since_log: list[QueryResult] = []

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        if self.iteration == 0 and not self.kept:
            self._log()
        while self.iteration < self.schedule.iterations:
            result = self._outer_step()
            self.iteration += 1
            self._since_log.append(result)
            if self._due(self.iteration):
                self._log()
            elif len(self._since_log) % _CHECK_EVERY == 0:
                self._require_finite()
            yield {
                "loss": result.losses.mean(),
                "accuracy": result.accuracies.mean(),
                "validation": torch.tensor(self.best[0]),
            }

    @property
    def step_sizes(self) -> Parameters:
        """Step sizes of the adapted parameters, as the inner loop takes them."""
        return bounded_below(self.method, self.learned_sizes)

    def model(self, spec: TrainSpec) -> TrainedModel:
        """The finished model: the kept iterations, the best and the last."""
        last = self.schedule.iterations
        wanted = {*self.schedule.checkpoints, self.best[1], last}
        kept = {iteration: self.kept[iteration] for iteration in sorted(wanted)}
        return TrainedModel(self.network, self.method, spec, kept, best=self.best[1], last=last)

    def _outer_step(self) -> QueryResult:
        first = self.iteration * self.schedule.meta_batch
        tasks = self._train_tasks.batch(range(first, first + self.schedule.meta_batch))
        if self._cuda_graph and self._gradient_step is None:
            self._gradient_step = CapturedStep(self._gradient, self._forget_gradient, tasks)
        if self._gradient_step is None:
            self._forget_gradient()
            result = self._gradient(tasks)
        else:
            result = self._gradient_step(tasks)
        self._optimiser.step()
        if self.method.constraint != "none":
            with torch.no_grad():
                _copy_into(self.slow, constrained(self.method, self.slow))
        return result

    def _gradient(self, tasks: TaskBatch) -> QueryResult:
        """Leave the outer gradient where the optimiser looks for it."""
        result = query_result(
            self.network, self.slow, self.step_sizes, self.method, tasks,
            self.schedule.train_steps, differentiable=True,
            keep_activations=self._keep_activations,
        )  # fmt: skip
        torch.autograd.backward(result.losses.mean())
        return QueryResult(result.losses.detach(), result.accuracies)

    def _forget_gradient(self) -> None:
        self._optimiser.zero_grad(set_to_none=True)

    def _require_finite(self) -> None:
        """Stop if a loss since the last log is not a number."""
        losses = torch.stack([result.losses.mean() for result in self._since_log]).cpu()
        for number in (~losses.isfinite()).nonzero():
            self._diverged(float(losses[number]), self.iteration - len(losses) + int(number))

    def _diverged(self, loss: float, iteration: int) -> NoReturn:
        raise DivergenceError(
            f"{self.method.label or self.method.name}: the loss is {loss} at outer iteration "
            f"{iteration}. The inner step size ({self.method.step_size}) or the outer one "
            f"({self.schedule.outer_step_size}) is probably too large; nothing was written for "
            "this model"
        )

    def _due(self, iteration: int) -> bool:
        schedule = self.schedule
        return (
            iteration % schedule.validation_every == 0
            or iteration == schedule.iterations
            or iteration in schedule.checkpoints
        )

    def _log(self) -> None:
        """Validate, and note curves, norms and step sizes; keep the weights if they are wanted."""
        if self._since_log:
            self._require_finite()
        validation = self._validate()
        if not validation.losses.isfinite().all():
            self._diverged(float(validation.losses.mean()), self.iteration)
        self.curves.append(self._curve_row("val", validation))
        if self._since_log:
            losses = torch.cat([result.losses for result in self._since_log])
            accuracies = torch.cat([result.accuracies for result in self._since_log])
            self.curves.append(self._curve_row("train", QueryResult(losses, accuracies)))
            self._since_log = []
        self.dynamics += dynamics_rows(self.iteration, self.slow, self.step_sizes, self._rule)
        accuracy = float(validation.accuracies.mean())
        improved = accuracy > self.best[0]
        if improved:
            wanted = self.schedule.checkpoints
            self.kept = {k: v for k, v in self.kept.items() if k in wanted}
            self.best = (accuracy, self.iteration)
        if (
            improved
            or self.iteration in self.schedule.checkpoints
            or self.iteration == self.schedule.iterations
        ):
            self.kept[self.iteration] = self._weights()

    def _validate(self) -> QueryResult:
        schedule = self.schedule
        batches = self._validation_tasks.batches(schedule.validation_tasks, schedule.tasks_at_once)
        return evaluate(
            self.network, self.slow, self.step_sizes, self.method, batches, schedule.test_steps
        )

    def _weights(self) -> Weights:
        cpu = torch.device("cpu")
        return Weights(self.iteration, detached(self.slow), detached(self.step_sizes)).to(cpu)

    def _curve_row(self, split: str, result: QueryResult) -> dict[str, Any]:
        accuracies = result.accuracies.double()
        return {
            "split": split,
            "iteration": self.iteration,
            "tasks": len(accuracies),
            "accuracy": float(accuracies.mean()),
            "accuracy_sd": float(accuracies.std(correction=1)) if len(accuracies) > 1 else 0.0,
            "loss": float(result.losses.double().mean()),
        }

    def state(self) -> dict[str, Any]:
        """All that changes while training, in plain values and tensors."""
        if self._since_log:
            self._require_finite()
        return {
            "iteration": self.iteration,
            "slow": detached(self.slow),
            "learned_sizes": detached(self.learned_sizes),
            "optimiser": copy.deepcopy(self._optimiser.state_dict()),
            "kept": {
                iteration: {"slow": weights.slow, "step_sizes": weights.step_sizes}
                for iteration, weights in self.kept.items()
            },
            "best": list(self.best),
            "curves": list(self.curves),
            "dynamics": list(self.dynamics),
            "since_log": [
                {"losses": result.losses.cpu(), "accuracies": result.accuracies.cpu()}
                for result in self._since_log
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue where `state()` was taken; on the same kind of device to the same bits."""
        self.iteration = state["iteration"]
        with torch.no_grad():
            _copy_into(self.slow, state["slow"])
            _copy_into(self.learned_sizes, state["learned_sizes"])
        fused = {"fused": self._optimiser.param_groups[0]["fused"]}
        groups = [{**group, **fused} for group in state["optimiser"]["param_groups"]]
        self._optimiser.load_state_dict({**state["optimiser"], "param_groups": groups})
        self.kept = {
            iteration: Weights(iteration, part["slow"], part["step_sizes"])
            for iteration, part in state["kept"].items()
        }
        self.best = (state["best"][0], state["best"][1])
        self.curves, self.dynamics = list(state["curves"]), list(state["dynamics"])
        device = self._train_tasks.device
        self._since_log = [
            QueryResult(item["losses"].to(device), item["accuracies"].to(device))
            for item in state["since_log"]
        ]


def _copy_into(parameters: Parameters, values: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in parameters.items():
        tensor.copy_(values[name])
