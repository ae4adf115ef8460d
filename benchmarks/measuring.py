"""Shared by the benchmarks: random tasks, interleaved timing, the matmul peak, peak memory."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from innerloop.data.tasks import Labelled, TaskBatch
from innerloop.networks.network import Network

# arms take turns on one GPU, so they must not wait for each other to release it
os.environ.setdefault("INNERLOOP_JOBS_PER_GPU", "100")

SIZES: dict[str, dict[str, Any]] = {
    "demo": {"image_size": 28, "filters": 32},
    "paper": {"image_size": 84, "filters": 64},
    "resnet12": {"name": "resnet12", "image_size": 84},
}


def random_tasks(
    network: Network, count: int, shot: int, queries: int, device: torch.device, seed: int = 0
) -> TaskBatch:
    """Tasks of random images, with `shot` support and `queries` query images per class."""
    generator = torch.Generator().manual_seed(seed)

    def labelled(each: int) -> Labelled:
        size = (count, network.way * each, network.channels, *2 * [network.image_size])
        labels = torch.arange(network.way).repeat_interleave(each).expand(count, -1)
        images = torch.rand(size, generator=generator)
        return Labelled(images.to(device), labels.contiguous().to(device))

    return TaskBatch(labelled(shot), labelled(queries))


def one_task(tasks: TaskBatch, number: int) -> TaskBatch:
    """One task of a batch."""
    part = slice(number, number + 1)
    support, query = tasks.support, tasks.query
    return TaskBatch(
        Labelled(support.images[part], support.labels[part]),
        Labelled(query.images[part], query.labels[part]),
        tasks.episodes,
    )


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of one call, including its work on the device."""
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began


def synchronise(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Worker:
    """An arm in a process of its own, so that no arm runs under another's settings.

    Args:
        prepare: called in the process as `prepare(*arguments)`; returns the call to measure, and
            its device.
    """

    def __init__(self, prepare: Callable[..., Any], *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, prepare, arguments), daemon=True
        )
        self._process.start()

    def ask(self, question: str) -> Any:
        """The `result`, `seconds` or `peak` memory (MiB above that before) of one call."""
        self._pipe.send(question)
        return self._pipe.recv()


def _serve(pipe: Connection, prepare: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    call, device = prepare(*arguments)
    answers = {
        "result": call,
        "seconds": lambda: seconds(call, device),
        "peak": lambda: _peak(call, device),
    }
    with contextlib.suppress(EOFError):
        while True:
            pipe.send(answers[pipe.recv()]())


def interleaved(arms: Mapping[str, Worker], rounds: int) -> dict[str, list[float]]:
    """Seconds of every arm in every round; the arms take turns, after one unmeasured round."""
    for worker in arms.values():
        worker.ask("seconds")
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for number in range(rounds):
        names = list(arms) if number % 2 == 0 else list(reversed(arms))
        for name in names:
            taken[name].append(arms[name].ask("seconds"))
    return taken


def ratios(taken: Mapping[str, list[float]], ours: str) -> dict[str, dict[str, float]]:
    """How many times as long as ours each arm took: median, least and most over the rounds."""
    found = {}
    for name, times in taken.items():
        if name != ours:
            each = [theirs / mine for theirs, mine in zip(times, taken[ours], strict=True)]
            found[name] = {
                "median": round(statistics.median(each), 2),
                "least": round(min(each), 2),
                "most": round(max(each), 2),
            }
    return found


def matmul_peak(device: torch.device, size: int = 2048, rounds: int = 8) -> float:
    """Operations per second in single precision: the best of several square matrix products."""
    matrix = torch.rand(size, size, device=device)
    best = min(seconds(lambda: matrix @ matrix, device) for _ in range(rounds))
    return 2 * size**3 / best


def forward_operations(network: Network) -> tuple[float, float]:
    """Multiplications and additions of one image's forward pass: the first block, and the rest."""
    side, each = network.image_size, []
    for layer in network.layers[:-1]:
        each.append(2.0 * side**2 * math.prod(network.shapes[f"{layer}.weight"]))
        side //= 2
    return each[0], sum(each[1:]) + 2 * math.prod(network.shapes["head.weight"])


def step_operations(
    network: Network, tasks: int, support: int, query: int, steps: int, second_order: bool
) -> float:
    """The fewest operations of a meta-gradient if all parameters adapt.

    A forward pass with its gradient costs three forward passes, a Hessian-vector product six. The
    first block needs no gradient with respect to its input, which saves one and three of these.
    """
    first, rest = forward_operations(network)
    gradient, product = 2 * first + 3 * rest, 3 * first + 6 * rest
    inner = gradient + (product if second_order else 0)
    return tasks * (support * steps * inner + query * gradient)


def _peak(call: Callable[[], Any], device: torch.device) -> float:
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    call()
    return (_resident("VmHWM") - before) / 2**10


def _resident(field: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return float(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}")
