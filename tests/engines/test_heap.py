"""Memory of freed arrays is used again and not fetched anew from the system."""

import os
import platform
import subprocess
import sys

import pytest

ARRAYS, PAGES, ROUNDS = 32, 256, 20
CODE = f"""
import resource, sys
import numpy as np
from stratsim.engine.heap import keep_freed_memory

if "keep" in sys.argv:
    keep_freed_memory()

def touched():
    for array in [np.empty({PAGES} * 4096, dtype=np.uint8) for _ in range({ARRAYS})]:
        array.fill(1)

touched()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({ROUNDS}):
    touched()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """Return how many pages were fetched while arrays were made over and over."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        env={key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a habit of glibc")
def test_freed_memory_is_used_again() -> None:
    assert faults() > 5 * ARRAYS * PAGES  # else nothing is left to help with
    assert faults("keep") < ARRAYS * PAGES
