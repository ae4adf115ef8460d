"""Keeps freed memory in the process instead of giving it back to the system every step."""

from __future__ import annotations

import contextlib
import ctypes

# numbers of glibc's malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks; elsewhere nothing happens.

    An inner step frees and takes the same hundred megabytes again and again; by default each time
    through the kernel, which then zeroes every page. That was a quarter of all time.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST)
