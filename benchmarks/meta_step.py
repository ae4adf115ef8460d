"""How much faster a step of a batch of tasks is than the same tasks one after the other.

    python benchmarks/meta_step.py --method maml --tasks 4

Both arms run in turn in one process, and their meta-gradients must agree; the printed ratio is the
median over the rounds. Only ratios are meant to be quoted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

from innerloop.data.episodes import Episodes
from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.device import set_up
from innerloop.inner_loop.methods import METHODS, method
from innerloop.inner_loop.step_sizes import initial_step_sizes
from innerloop.meta.outer_loop import query_result
from innerloop.nets.conv4 import Conv4
from innerloop.parameters import Parameters

SIZES = {"demo": {"image_size": 28, "filters": 32}, "paper": {"image_size": 84, "filters": 64}}


def random_tasks(count: int, shot: int, queries: int, size: int) -> TaskBatch:
    """Tasks of random images."""

    def labelled(each: int) -> Labelled:
        images = torch.rand(count, 5 * each, 3, size, size)
        labels = torch.arange(5).repeat_interleave(each).expand(count, -1).contiguous()
        return Labelled(images, labels)

    none = torch.zeros(count, 0).numpy()
    return TaskBatch(labelled(shot), labelled(queries), Episodes(none, none, none, none))


def one_task(tasks: TaskBatch, number: int) -> TaskBatch:
    """One task of a batch."""
    part = slice(number, number + 1)
    support, query = tasks.support, tasks.query
    return TaskBatch(
        Labelled(support.images[part], support.labels[part]),
        Labelled(query.images[part], query.labels[part]),
        tasks.episodes,
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(argv: list[str] | None = None) -> None:
    """Run both arms in turn and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--method", choices=list(METHODS), default="maml")
    parser.add_argument("--size", choices=list(SIZES), default="demo")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--shot", type=int, default=1)
    parser.add_argument("--queries", type=int, default=15)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    set_up({"device": "cpu", "threads": arguments.threads})
    torch.manual_seed(0)

    network, made = Conv4(**SIZES[arguments.size]), method(arguments.method)
    slow = {name: value.requires_grad_() for name, value in network.initial(0).items()}
    sizes = initial_step_sizes(made, slow, 0)
    tasks = random_tasks(arguments.tasks, arguments.shot, arguments.queries, network.image_size)
    alone = [one_task(tasks, number) for number in range(arguments.tasks)]

    def gradient(batches: list[TaskBatch]) -> Parameters:
        for value in slow.values():
            value.grad = None
        for batch in batches:
            result = query_result(
                network, slow, sizes, made, batch, arguments.steps, differentiable=True
            )
            (result.losses.sum() / arguments.tasks).backward()
        return {name: value.grad.clone() for name, value in slow.items() if value.grad is not None}

    together, apart = gradient([tasks]), gradient(alone)
    difference = max(float((together[name] - apart[name]).abs().max()) for name in together)
    scale = max(float(value.abs().max()) for value in apart.values())
    ratios = [
        seconds(lambda: gradient(alone)) / seconds(lambda: gradient([tasks]))
        for _ in range(arguments.rounds)
    ]
    print(
        json.dumps(
            {
                **vars(arguments),
                "torch": torch.__version__,
                "relative_gradient_difference": difference / scale,
                "loop_over_batched_median": round(statistics.median(ratios), 2),
                "loop_over_batched_range": [round(min(ratios), 2), round(max(ratios), 2)],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
