"""The device and threads a job computes on: from config, never from the machine's load."""

from __future__ import annotations

from typing import Any

import torch

from innerloop.runtime.allocator import keep_freed_memory
from innerloop.runtime.compute import Compute
from innerloop.runtime.errors import ConfigError
from innerloop.runtime.gpu_slots import take_gpu


def set_up(compute: Compute, *, training: bool = False) -> torch.device:
    """Set torch's threads and precision, take a GPU if one is asked for, and return the device.

    Args:
        compute: device, threads, and what a GPU may do to be faster.
        training: whether to allow TF32 if `compute` does; measurements never use it.

    Raises:
        ConfigError: the device does not exist here.
    """
    keep_freed_memory()
    torch.set_num_threads(compute.threads)
    tf32 = training and compute.tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.deterministic = compute.deterministic
    # benchmarking may choose other kernels in the next run
    torch.backends.cudnn.benchmark = not compute.deterministic
    device = torch.device(compute.device)
    if device.type != "cuda":
        return device
    take_gpu(device.index)
    if not torch.cuda.is_available():
        raise ConfigError(
            f"compute.device is '{compute.device}', but torch {torch.__version__} sees no CUDA "
            "device here; set compute.device: cpu or install a CUDA build of torch"
        )
    return torch.device("cuda")  # the only one that is visible now


def describe(device: torch.device) -> dict[str, Any]:
    """The device's name and torch's threads, for provenance."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"device": name, "threads": torch.get_num_threads()}
