"""Command-line options that benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from innerloop.learners.gradient_based.methods import METHODS
from innerloop.runtime.compute import Compute
from measuring import SIZES


def parser_of(description: str, *, steps: int) -> argparse.ArgumentParser:
    """A parser with options for the network's size, the tasks, and the device.

    Args:
        description: the benchmark's docstring, of which the first line is shown.
        steps: default number of inner steps.
    """
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--size", choices=list(SIZES), default="demo", help="network and images")
    parser.add_argument("--shot", type=int, default=1)
    parser.add_argument("--queries", type=int, default=15, help="query images per class")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the report there")
    return parser


def compute_of(options: Mapping[str, Any]) -> Compute:
    """The `Compute` that the options describe."""
    named = {field.name: options[field.name] for field in fields(Compute) if field.name in options}
    return Compute(**named)


def add_outer_step(parser: argparse.ArgumentParser) -> None:
    """Add options for Innerloop's outer step."""
    parser.add_argument("--method", choices=list(METHODS), default="maml")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--keep-activations", action="store_true")
    parser.add_argument("--tf32", action="store_true", help="on a GPU")
    parser.add_argument(
        "--deterministic", action=argparse.BooleanOptionalAction, default=True,
        help="whether a GPU uses only deterministic kernels",
    )  # fmt: skip
    parser.add_argument(
        "--cuda-graph", action=argparse.BooleanOptionalAction, default=True,
        help="on a GPU: record a step and replay it, as trainings do",
    )  # fmt: skip
