"""How long it takes until a program or the command line is there; prints, asserts no time."""

import subprocess
import sys
from statistics import median
from time import perf_counter

import pytest

pytestmark = pytest.mark.bench

CASES = [
    ("python itself", ["-c", "pass"]),
    ("import stratsim", ["-c", "import stratsim"]),
    ("stratsim --help", ["-m", "stratsim", "--help"]),
]


@pytest.mark.parametrize(("what", "arguments"), CASES)
def test_start(what: str, arguments: list[str]) -> None:
    """The goals are 0.3 s and 0.5 s with Python's own start."""
    seconds = []
    for _ in range(5):
        start = perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        seconds.append(perf_counter() - start)

    print(f"{what}: {median(seconds):.3f} s (median of {len(seconds)})")
