"""Speed of adaptation and evaluation on tasks, compared with a loop over episodes.

    python benchmarks/evaluation.py --size demo --episodes 600 --steps 10

Both arms, each in its own process, must find the same accuracies; then they take turns. `--cka`
also times Innerloop's CKA of all layers, with both estimators, on the same tasks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

import innerloop
from innerloop.data.tasks import TaskBatch
from innerloop.learners.gradient_based.adapt import adapt, initial_step_sizes
from innerloop.learners.gradient_based.learner import GradientLearner
from innerloop.learners.gradient_based.methods import method
from innerloop.probes.layer_similarity import ESTIMATORS, layer_grams
from innerloop.runtime.device import describe, set_up
from innerloop.training.evaluation import query_results
from measuring import SIZES, Worker, interleaved, random_tasks, ratios
from options import compute_of, parser_of
from peers import evaluation_loop

OURS, LOOP, CKA = "innerloop", "loop over episodes", "innerloop, CKA of all layers"


def main(argv: list[str] | None = None) -> None:
    """Check, measure and print."""
    parser = parser_of(__doc__, steps=10)
    parser.add_argument("--episodes", type=int, default=600)
    parser.add_argument("--at-once", type=int, default=20, help="tasks_at_once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cka", action="store_true")
    arguments = parser.parse_args(argv)
    options = vars(arguments)
    device = set_up(compute_of(options))
    arms = {name: Worker(prepare, name, options) for name in (OURS, LOOP)}
    ours, theirs = (arms[name].ask("result") for name in (OURS, LOOP))
    agreeing = float((ours == theirs).double().mean())
    assert abs(float(ours.mean() - theirs.mean())) < 0.005, f"{ours.mean()}, {theirs.mean()}"
    if arguments.cka:
        arms[CKA] = Worker(prepare, CKA, options)
    taken = interleaved(arms, arguments.rounds)
    report = {
        **{key: value for key, value in options.items() if key != "json"},
        **describe(device),
        "torch": torch.__version__,
        "tasks_of_equal_accuracy": round(agreeing, 4),
        "seconds_of_ours": [round(value, 2) for value in taken[OURS]],
        "ratio_to_ours": ratios(taken, OURS),
    }
    print(json.dumps(report, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def prepare(name: str, options: dict[str, Any]) -> tuple[Callable[[], Any], torch.device]:
    """The call that measures all episodes, and its device."""
    if name == LOOP:
        # torch's default settings, except for the threads and, as in ours, no TF32
        device = torch.device(options["device"])
        torch.set_num_threads(options["threads"])
        torch.backends.cudnn.allow_tf32 = False
    else:
        device = set_up(compute_of(options))
    network, made = innerloop.network(**SIZES[options["size"]]), method("maml")
    slow = {key: value.to(device) for key, value in network.initial(0).items()}
    sizes = initial_step_sizes(made, slow, 0)
    learner, state = GradientLearner(made, 1), {"slow": slow, "step_sizes": sizes}
    at_once, steps = options["at_once"], options["steps"]

    # drawing images is not measured, so two batches of tasks serve all episodes
    drawn = [
        random_tasks(network, at_once, options["shot"], options["queries"], device, seed)
        for seed in range(2)
    ]
    wanted = [drawn[number % 2] for number in range(options["episodes"] // at_once)]

    def loop() -> torch.Tensor:
        return torch.cat([evaluation_loop(network, slow, 0.01, tasks, steps) for tasks in wanted])

    def ours() -> torch.Tensor:
        return query_results(network, learner, state, wanted, steps).accuracies

    def cka() -> torch.Tensor:
        found = []
        for tasks in wanted:
            fast = adapt(network, slow, made, tasks.support, steps=steps, step_sizes=sizes).fast
            before, after = (
                layer_grams(network, weights, tasks) for weights in (_spread(slow, tasks), fast)
            )
            found += [
                similarity(before[layer], after[layer])
                for layer in network.layers
                for similarity in ESTIMATORS.values()
            ]
        return torch.cat(found)

    return {OURS: ours, LOOP: loop, CKA: cka}[name], device


def _spread(slow: dict[str, torch.Tensor], tasks: TaskBatch) -> dict[str, torch.Tensor]:
    return {name: value.expand(len(tasks), *value.shape) for name, value in slow.items()}


if __name__ == "__main__":
    main()
