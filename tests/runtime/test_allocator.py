"""Freed memory stays in the process, ready for the next step."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

#: Prints how many pages the kernel has to find for blocks as large as freed ones. The allocator
#: first keeps some small pieces between large blocks, so it may take a few to settle.
PROGRAM = """
import resource, torch
from innerloop.runtime.allocator import keep_freed_memory

keep_freed_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**22)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

for _ in range(20):
    faults()
print(sum(faults() for _ in range(5)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to")
def test_a_freed_block_costs_nothing_the_next_time() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 10  # each 16 MiB: 4,096 small pages, or 8 large ones
