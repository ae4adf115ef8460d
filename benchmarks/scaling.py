"""Time and memory of a meta-gradient by number of tasks, inner steps, image size and filters.

    python benchmarks/scaling.py --axis steps --peers higher

One axis varies, the rest is fixed; each point has its own process, and points take turns. Times and
memory are printed as multiples of the axis's first point.
"""

from __future__ import annotations

import json
import statistics

import torch
from rich.console import Console
from rich.table import Table

import measuring
from innerloop.runtime.device import describe
from measuring import SIZES, Worker, interleaved
from meta_step import AUTOGRAD, OURS, prepare
from options import add_outer_step, parser_of
from peers import PEERS

AXES = {
    "tasks": (1, 4, 16, 64),
    "steps": (1, 2, 5, 10),
    "image_size": (28, 42, 84),
    "filters": (16, 32, 64),
}


def main(argv: list[str] | None = None) -> None:
    """Measure one axis and print it."""
    parser = parser_of(__doc__, steps=5)
    add_outer_step(parser)
    parser.add_argument("--axis", choices=list(AXES), default="steps")
    parser.add_argument("--peers", default="", help="comma-separated, measured as well")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    options = {**vars(arguments), "first_order": False}
    arms = [OURS, *filter(None, arguments.peers.split(","))]
    known = (AUTOGRAD, *PEERS)
    if unknown := sorted(set(arms) - {OURS, *known}):
        parser.error(f"unknown peers: {', '.join(unknown)}; known are {', '.join(known)}")

    workers = {
        f"{name}, {value}": Worker(point, name, options, arguments.axis, value)
        for name in arms
        for value in AXES[arguments.axis]
    }
    peaks = {label: worker.ask("peak") for label, worker in workers.items()}
    taken = interleaved(workers, arguments.rounds)
    report = {
        "axis": arguments.axis,
        **{key: value for key, value in options.items() if key not in ("json", "axis")},
        **describe(torch.device(arguments.device)),
        "torch": torch.__version__,
        "points": [],
    }
    table = Table(title=f"{arguments.method}: cost by {arguments.axis}")
    for heading in ("", arguments.axis, "time", "peak memory", "peak MiB"):
        table.add_column(heading)
    for name in arms:
        first = f"{name}, {AXES[arguments.axis][0]}"
        for value in AXES[arguments.axis]:
            label = f"{name}, {value}"
            time = statistics.median(
                mine / base for mine, base in zip(taken[label], taken[first], strict=True)
            )
            memory = peaks[label] / peaks[first]
            report["points"].append(
                {
                    "arm": name,
                    arguments.axis: value,
                    "time_ratio": round(time, 2),
                    "memory_ratio": round(memory, 2),
                    "peak_mib": round(peaks[label]),
                }
            )
            table.add_row(name, str(value), f"{time:.2f}", f"{memory:.2f}", f"{peaks[label]:.0f}")
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def point(name: str, options: dict, axis: str, value: int) -> tuple:
    """An arm at one point of the axis."""
    if axis in ("image_size", "filters"):
        size = {**SIZES[options["size"]], axis: value}
        measuring.SIZES[options["size"]].update(size)
        return prepare(name, options)
    return prepare(name, {**options, axis: value})


if __name__ == "__main__":
    main()
