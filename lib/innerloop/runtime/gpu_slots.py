"""Hands each job of a machine its own GPU, so that no two share one unless they are meant to.

A slot is a locked file; the kernel frees it when the job ends, however it ends. A machine with G
GPUs and J jobs a GPU has G x J slots. Settings, all by environment variables:

- `CUDA_VISIBLE_DEVICES`: the GPUs to choose from, as schedulers set it; default: all.
- `INNERLOOP_GPUS`: the same, for this program only; ids separated by commas. Also stands in for
  real GPUs.
- `INNERLOOP_JOBS_PER_GPU`: jobs that share a GPU; the workflow sets it from `compute.jobs_per_gpu`.
- `INNERLOOP_GPU_LOCKS`: the folder of the lock files; default: one per user in the temporary
  folder, and one per job under SLURM, which chooses the GPUs itself and counts each job's from 0.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from innerloop.runtime.errors import ConfigError

#: Open lock files of this process: closing one would free its slot.
_HELD: list[int] = []


def visible_gpus() -> list[str]:
    """Ids of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES would name them."""
    for variable in ("INNERLOOP_GPUS", "CUDA_VISIBLE_DEVICES"):
        if variable in os.environ:
            ids = [part.strip() for part in os.environ[variable].split(",")]
            return [part for part in ids if part and part != "-1"]
    return [str(number) for number in range(_installed())]


def take_gpu(wanted: int | None = None, pause: Callable[[], None] = lambda: time.sleep(1)) -> str:
    """Take a free slot, waiting for one if necessary, and make its GPU the only visible one.

    It must be called before CUDA is initialised. A second call gives the same GPU again.

    Args:
        wanted: index of a particular GPU among the visible ones; default: any that is free.
        pause: called between two attempts while every slot is taken.

    Returns:
        The GPU's id; empty if no GPU is visible, which CUDA will then report.

    Raises:
        ConfigError: the wanted GPU does not exist, or a setting is not a number.
    """
    if _HELD:
        return os.environ["CUDA_VISIBLE_DEVICES"]
    gpus = visible_gpus()
    if not gpus:
        return ""
    if wanted is not None:
        if wanted >= len(gpus):
            raise ConfigError(
                f"compute.device is 'cuda:{wanted}', but there are {len(gpus)} GPUs here "
                f"({', '.join(gpus)}), counted from 0"
            )
        gpus = [gpus[wanted]]
    folder, places = _folder(), jobs_per_gpu()
    announced = False
    while (taken := _free_slot(folder, gpus, places)) is None:
        if not announced:
            announced = True
            shown = f"waiting for a free GPU: all of {', '.join(gpus)} are taken, see {folder}"
            print(shown, file=sys.stderr, flush=True)
        pause()
    os.environ["CUDA_VISIBLE_DEVICES"] = taken
    return taken


def jobs_per_gpu() -> int:
    """How many jobs may share a GPU.

    Raises:
        ConfigError: the setting is not a positive number.
    """
    text = os.environ.get("INNERLOOP_JOBS_PER_GPU", "1")
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"INNERLOOP_JOBS_PER_GPU is '{text}'; expected 1 or more")
    return int(text)


def _free_slot(folder: Path, gpus: Sequence[str], places: int) -> str | None:
    """Lock the first free slot, filling every GPU's first place before any second one."""
    for place in range(places):
        for gpu in gpus:
            name = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in gpu)
            held = os.open(folder / f"{name}.{place}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(held)
                continue
            os.ftruncate(held, 0)
            os.write(held, f"{os.getpid()}\n".encode())  # so that people can see who holds it
            _HELD.append(held)
            return gpu
    return None


def _folder() -> Path:
    name = f"innerloop-gpus-{os.getuid()}"
    if job := os.environ.get("SLURM_JOB_ID"):
        name += f"-{job}"
    default = Path(tempfile.gettempdir()) / name
    folder = Path(os.environ.get("INNERLOOP_GPU_LOCKS", default))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _installed() -> int:
    """How many GPUs the machine has, without initialising CUDA."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        return sum(line.startswith("GPU ") for line in listed.splitlines())
    except (OSError, subprocess.SubprocessError):
        return len(list(Path("/dev").glob("nvidia[0-9]*")))
