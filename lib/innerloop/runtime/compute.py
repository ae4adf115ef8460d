"""Where and how jobs compute: those keys of `compute` in the study file that may change results."""

from __future__ import annotations

from dataclasses import dataclass

from innerloop.runtime.allowed import Device, Threads


@dataclass(frozen=True)
class Compute:
    """Where a job computes; recorded in every result.

    Attributes:
        device: cpu, cuda, or cuda:<number>
        threads: compute threads of a job
        tf32: whether a GPU may round to TF32 in training; what is measured never is
        deterministic: whether a GPU keeps to kernels that give the same bits every time, instead of
            trying which are fastest
        cuda_graph: whether a training step on a GPU is recorded once and replayed
    """

    device: Device = "cpu"
    threads: Threads = 1
    tf32: bool = False
    deterministic: bool = True
    cuda_graph: bool = True
