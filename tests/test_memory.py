"""Freed memory stays in the process, ready for the next step."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

#: Prints how many pages the kernel had to find for a second block as large as a freed one.
PROGRAM = """
import resource, torch
from innerloop.memory import keep_freed_memory

keep_freed_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to")
def test_a_freed_block_costs_nothing_the_next_time() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 10  # of 64 MiB: 16,384 small pages, or 32 large ones
