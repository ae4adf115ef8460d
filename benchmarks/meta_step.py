"""Speed of a meta-gradient, compared with other implementations.

    python benchmarks/meta_step.py --size demo --method maml --peers higher,learn2learn-style

Losses and meta-gradients must agree first. The arms, each in its own process, then take turns; only
the ratios within a round can be quoted, not the seconds. Peak memory is that of the first step.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import replace

import torch
from rich.console import Console
from rich.table import Table

import innerloop
from innerloop.data.tasks import TaskBatch
from innerloop.engine.engine import engine_of
from innerloop.learners.gradient_based.adapt import initial_step_sizes
from innerloop.learners.gradient_based.learner import query_result
from innerloop.learners.gradient_based.methods import METHODS, method
from innerloop.learners.learner import QueryResult
from innerloop.runtime.device import describe, set_up
from innerloop.training.captured_step import CapturedStep
from measuring import (
    SIZES,
    Worker,
    interleaved,
    matmul_peak,
    random_tasks,
    ratios,
    step_operations,
)
from options import add_outer_step, compute_of, parser_of
from peers import PEERS, SAME_CONV4, Found

OURS = "innerloop"
#: Innerloop with the engine for any network
AUTOGRAD = "autograd"
#: methods that the peers implement: one step size for all parameters, or for the head
COMPARABLE = ("maml", "maml_3x", "anil")


def main(argv: list[str] | None = None) -> None:
    """Check, measure and print; `--json` also writes a file."""
    parser = parser_of(__doc__, steps=5)
    add_outer_step(parser)
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; '' for none")
    parser.add_argument("--first-order", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args(argv)
    peers = [name for name in arguments.peers.split(",") if name]
    known = (AUTOGRAD, *PEERS)
    if unknown := sorted(set(peers) - set(known)):
        parser.error(f"unknown peers: {', '.join(unknown)}; known are {', '.join(known)}")
    if set(peers) - {AUTOGRAD} and arguments.method not in COMPARABLE:
        parser.error(f"no peer offers {arguments.method}; compare {', '.join(COMPARABLE)}")

    device = set_up(compute_of(vars(arguments)), training=True)
    arms = {name: Worker(prepare, name, vars(arguments)) for name in (OURS, *peers)}
    # measured at a process's first call, before torch caches memory
    memory = {name: worker.ask("peak") for name, worker in arms.items()}
    loss, gradient = arms[OURS].ask("result")
    scale = max(float(value.abs().max()) for value in gradient.values())
    difference = {}
    for name in peers:
        their_loss, theirs = arms[name].ask("result")
        assert abs(loss - their_loss) < 1e-3 * abs(loss), f"{name}: loss {their_loss}, ours {loss}"
        difference[name] = max(
            float((gradient[key] - theirs[key]).abs().max()) / scale for key in gradient
        )
    taken = interleaved(arms, arguments.rounds)
    report = {
        **{key: value for key, value in vars(arguments).items() if key != "json"},
        **describe(device),
        "torch": torch.__version__,
        "ratio_to_ours": ratios(taken, OURS),
        "largest_gradient_difference": difference,
        "peak_mib": {name: round(value) for name, value in memory.items()},
    }
    network = innerloop.network(**SIZES[arguments.size])
    if METHODS[arguments.method].adapts == "all" and engine_of(network).name == "analytic":
        operations = step_operations(
            network, arguments.tasks, 5 * arguments.shot, 5 * arguments.queries, arguments.steps,
            not arguments.first_order,
        )  # fmt: skip
        ours = statistics.median(taken[OURS])
        report["share_of_matmul_peak"] = round(operations / ours / matmul_peak(device), 3)
    _show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def prepare(name: str, options: dict) -> tuple[Callable[[], Found], torch.device]:
    """The call that computes an arm's loss and meta-gradient, and its device."""
    if name in (OURS, AUTOGRAD):
        device = set_up(compute_of(options), training=True)
    else:
        # torch's default settings, except for the threads and TF32
        device = torch.device(options["device"])
        torch.set_num_threads(options["threads"])
        torch.backends.cuda.matmul.allow_tf32 = options["tf32"]
        torch.backends.cudnn.allow_tf32 = options["tf32"]
    network = innerloop.network(**SIZES[options["size"]])
    made = method(options["method"], first_order=options["first_order"])
    slow = {name: value.to(device) for name, value in network.initial(0).items()}
    tasks = random_tasks(network, options["tasks"], options["shot"], options["queries"], device)
    steps = options["steps"]
    if name == AUTOGRAD:
        network = replace(network, entry=SAME_CONV4)
    elif name != OURS:
        rate = float(made.step_size) * made.step_size_multiplier
        return lambda: PEERS[name](network, slow, rate, made, tasks, steps), device
    sizes = initial_step_sizes(made, slow, 0)
    weights = {name: value.detach().requires_grad_() for name, value in slow.items()}

    def forget() -> None:
        for value in weights.values():
            value.grad = None

    def step(tasks: TaskBatch) -> QueryResult:
        result = query_result(
            network, weights, sizes, made, tasks, steps,
            keep_activations=options["keep_activations"],
        )  # fmt: skip
        torch.autograd.backward(result.losses.mean())
        return QueryResult(result.losses.detach(), result.accuracies)

    recorded: CapturedStep | None = None
    calls = 0

    def ours() -> Found:
        nonlocal recorded, calls
        # the first call measures a step's memory; a recorded step has allocated it before
        if options["cuda_graph"] and device.type == "cuda" and calls == 1:
            recorded = CapturedStep(step, forget, tasks)
        calls += 1
        if recorded is None:
            forget()
        loss = float((recorded or step)(tasks).losses.mean())
        # parameters that the loss does not depend on, as a bias before BatchNorm, have no gradient
        return loss, {
            name: torch.zeros_like(value) if value.grad is None else value.grad
            for name, value in weights.items()
        }

    return ours, device


def _show(report: dict) -> None:
    table = Table(title=f"{report['method']}, {report['size']} size, {report['device']}")
    for heading in ("", "time / ours: median (range)", "gradient differs by", "peak MiB"):
        table.add_column(heading)
    table.add_row(OURS, "1", "", str(report["peak_mib"][OURS]))
    for name, ratio in report["ratio_to_ours"].items():
        table.add_row(
            name,
            f"{ratio['median']} ({ratio['least']} to {ratio['most']})",
            f"{report['largest_gradient_difference'][name]:.1e}",
            str(report["peak_mib"][name]),
        )
    console = Console()
    console.print(table)
    if "share_of_matmul_peak" in report:
        console.print(f"{report['share_of_matmul_peak']:.1%} of the measured matmul peak")


if __name__ == "__main__":
    main()
