"""How the C library deals with the memory of arrays that are freed."""

from functools import cache

import numpy as np

_LARGEST = 31 << 20
"""Bytes; glibc learns from freed blocks of up to 32 MiB."""


@cache
def keep_freed_memory() -> None:
    """Let memory of freed arrays be used again, once for a process.

    glibc gives what is free at the end of its heap back to the system, and gets the
    same pages, cleared, for the next array: that took longer than the arithmetic. How
    much it keeps it learns from the largest block that was freed; this frees one, of
    which no page was ever touched (mallopt(3), M_MMAP_THRESHOLD). With other C libraries
    it does nothing, nor where MALLOC_TRIM_THRESHOLD_ or its like is set.
    """
    np.empty(_LARGEST, dtype=np.uint8)
