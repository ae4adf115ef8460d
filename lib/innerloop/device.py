"""The device and threads a job computes on: from config, never from the machine's load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from innerloop.errors import ConfigError
from innerloop.gpu_slots import take_gpu
from innerloop.memory import keep_freed_memory


def set_up(compute: Mapping[str, Any], *, training: bool = False) -> torch.device:
    """Set torch's threads and precision, take a GPU if one is asked for, and return the device.

    Args:
        compute: `device` (cpu, cuda, cuda:1, ...), `threads` (compute threads of the job), `tf32`
            (whether a GPU may round the factors of its products) and `deterministic` (whether it
            keeps to kernels of the same bits every time, instead of trying which are fastest).
        training: what is measured is never computed in TF32; only training may be.

    Raises:
        ConfigError: the device does not exist here.
    """
    keep_freed_memory()
    torch.set_num_threads(int(compute["threads"]))
    tf32 = training and bool(compute.get("tf32", False))
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    deterministic = bool(compute.get("deterministic", True))
    torch.backends.cudnn.deterministic = deterministic
    # trials may end otherwise in the next run
    torch.backends.cudnn.benchmark = not deterministic
    device = torch.device(compute["device"])
    if device.type != "cuda":
        return device
    take_gpu(device.index)
    if not torch.cuda.is_available():
        raise ConfigError(
            f"compute.device is '{compute['device']}', but torch {torch.__version__} sees no CUDA "
            "device here; set compute.device: cpu or install a CUDA build of torch"
        )
    return torch.device("cuda")  # the only one that is visible now


def describe(device: torch.device) -> dict[str, Any]:
    """The device's name and torch's threads, for provenance."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return {"device": name, "threads": torch.get_num_threads()}
