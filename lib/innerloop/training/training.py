"""The outer loop: Adam on the outer gradient of a learner."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import torch

from innerloop.data.tasks import ClassImages, TaskBatch, Tasks
from innerloop.engine.engine import engine_of
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.learner import Learner, QueryResult, State
from innerloop.networks.network import Network
from innerloop.networks.parameters import detached
from innerloop.runtime.errors import DivergenceError, ExtensionError
from innerloop.specs.train import Schedule, TrainSpec
from innerloop.training.captured_step import CapturedStep
from innerloop.training.dynamics import dynamics_rows
from innerloop.training.evaluation import query_results
from innerloop.training.model_file import TrainedModel, Weights
from innerloop.training.outer_rates import OuterRates
from innerloop.training.outer_step import outer_step_rows

#: Iterations between checks that the loss is finite; each check waits for the device.
_CHECK_EVERY = 20


class Training:
    """A model in training; `state()` is everything that is needed to continue.

    Iterating over it trains: each outer iteration yields its mean loss and accuracy, as tensors on
    the device, so that nothing waits for a GPU until they are read.
    """

    def __init__(
        self,
        network: Network,
        learner: Learner,
        schedule: Schedule,
        train_tasks: Tasks,
        validation_tasks: Tasks,
        seed: int,
        *,
        cuda_graph: bool = True,
    ) -> None:
        self.network = learner.network(network, len(train_tasks.source.split.counts))
        self.learner, self.schedule = learner, schedule
        self._train_tasks, self._validation_tasks = train_tasks, validation_tasks
        self._batches = ClassImages(train_tasks) if learner.batch == "images" else train_tasks
        device = train_tasks.device
        recordable = cuda_graph and engine_of(self.network).recordable
        self._cuda_graph = recordable and device.type == "cuda"
        self._gradient_step: CapturedStep | None = None
        start = learner.init(self.network, seed)
        if "slow" not in start:
            raise ExtensionError(
                f"learner {type(learner).__name__}: init returns {', '.join(start) or 'nothing'}; "
                "expected the network's weights as 'slow', besides anything else that is trained"
            )
        #: The learner's state, on the device.
        self.learned: State = {
            part: {
                name: value.detach().to(device).requires_grad_(value.requires_grad)
                for name, value in values.items()
            }
            for part, values in start.items()
        }
        rates = {"step_sizes": schedule.outer_step_size_for_step_sizes}
        self._optimiser = torch.optim.Adam(
            [
                {
                    "params": [leaf for leaf in values.values() if leaf.requires_grad],
                    "lr": rates.get(part) or schedule.outer_step_size,
                }
                for part, values in self.learned.items()
            ],
            fused=device.type == "cuda",
        )
        self._rates = OuterRates(schedule.outer_schedule, self._optimiser, schedule.iterations)
        self.iteration = 0
        self.kept: dict[int, Weights] = {}
        self.best: tuple[float, int] = (-1.0, 0)
        self.curves: list[dict[str, Any]] = []
        self.dynamics: list[dict[str, Any]] = []
        self.outer_steps: list[dict[str, Any]] = []
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

    def model(self, spec: TrainSpec) -> TrainedModel:
        """The finished model: the kept iterations, the best and the last."""
        last = self.schedule.iterations
        wanted = {*self.schedule.checkpoints, self.best[1], last}
        kept = {iteration: self.kept[iteration] for iteration in sorted(wanted)}
        return TrainedModel(self.network, spec, kept, best=self.best[1], last=last)

    def _outer_step(self) -> QueryResult:
        first = self.iteration * self.schedule.meta_batch
        tasks = self._batches.batch(range(first, first + self.schedule.meta_batch))
        if self._cuda_graph and self._gradient_step is None:
            self._gradient_step = CapturedStep(self._gradient, self._forget_gradient, tasks)
        if self._gradient_step is None:
            self._forget_gradient()
            result = self._gradient(tasks)
        else:
            result = self._gradient_step(tasks)
        logged = self._due(self.iteration + 1)
        before = detached(self.learned["slow"]) if logged else {}
        self._optimiser.step()
        self._rates.after_step()
        self.outer_steps += outer_step_rows(self.iteration + 1, before, self.learned["slow"])
        with torch.no_grad():
            _copy_into(self.learned, self.learner.project(self.learned))
        return result

    def _gradient(self, tasks: TaskBatch) -> QueryResult:
        """Compute the outer gradient into the parameters' `.grad`."""
        return self.learner.outer_gradient(self.network, self.learned, tasks)

    def _forget_gradient(self) -> None:
        self._optimiser.zero_grad(set_to_none=True)

    def _require_finite(self) -> None:
        """Raise DivergenceError if a loss since the last log is not finite."""
        losses = torch.stack([result.losses.mean() for result in self._since_log]).cpu()
        for number in (~losses.isfinite()).nonzero():
            self._diverged(float(losses[number]), self.iteration - len(losses) + int(number))

    def _diverged(self, loss: float, iteration: int) -> NoReturn:
        name, inner = type(self.learner).__name__, ""
        if isinstance(self.learner, GradientLearner):
            method = self.learner.method
            name, inner = (
                method.label or method.name,
                f"inner step size ({method.step_size}) or the ",
            )
        raise DivergenceError(
            f"{name}: the loss is {loss} at outer iteration {iteration}. The {inner}outer "
            f"{'one' if inner else 'step size'} ({self.schedule.outer_step_size}) is probably too "
            "large; nothing was written for this model"
        )

    def _due(self, iteration: int) -> bool:
        schedule = self.schedule
        return (
            iteration % schedule.validation_every == 0
            or iteration == schedule.iterations
            or iteration in schedule.checkpoints
        )

    def _log(self) -> None:
        """Validate; log curves, norms and step sizes; keep the weights if they are needed."""
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
        self.dynamics += dynamics_rows(self.iteration, self.learner, self.learned)
        accuracy = float(validation.accuracies.mean())
        self._rates.after_validation(accuracy)
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
        return query_results(self.network, self.learner, self.learned, batches, schedule.test_steps)

    def _weights(self) -> Weights:
        return Weights(self.iteration, _snapshot(self.learned)).to(torch.device("cpu"))

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
        """Everything that changes in training, as plain values and tensors."""
        if self._since_log:
            self._require_finite()
        return {
            "iteration": self.iteration,
            "learned": _snapshot(self.learned),
            "optimiser": copy.deepcopy(self._optimiser.state_dict()),
            "outer_rates": self._rates.state(),
            "kept": {iteration: weights.state for iteration, weights in self.kept.items()},
            "best": list(self.best),
            "curves": list(self.curves),
            "dynamics": list(self.dynamics),
            "outer_steps": list(self.outer_steps),
            "since_log": [
                {"losses": result.losses.cpu(), "accuracies": result.accuracies.cpu()}
                for result in self._since_log
            ],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state()`; on the same kind of device, with the same bits."""
        self.iteration = state["iteration"]
        with torch.no_grad():
            _copy_into(self.learned, state["learned"])
        fused = {"fused": self._optimiser.param_groups[0]["fused"]}
        groups = [{**group, **fused} for group in state["optimiser"]["param_groups"]]
        self._optimiser.load_state_dict({**state["optimiser"], "param_groups": groups})
        self._rates.restore(state["outer_rates"])
        self.kept = {
            iteration: Weights(iteration, kept) for iteration, kept in state["kept"].items()
        }
        self.best = (state["best"][0], state["best"][1])
        self.curves, self.dynamics = list(state["curves"]), list(state["dynamics"])
        self.outer_steps = list(state["outer_steps"])
        device = self._train_tasks.device
        self._since_log = [
            QueryResult(item["losses"].to(device), item["accuracies"].to(device))
            for item in state["since_log"]
        ]


def _snapshot(state: State) -> State:
    return {part: detached(values) for part, values in state.items()}


def _copy_into(state: State, values: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
    for part, parameters in state.items():
        for name, tensor in parameters.items():
            tensor.copy_(values[part][name])
