"""How much memory a large study takes."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import stratsim
from stratsim.benchmark import COMMON_JOB

found = stratsim.compare(stratsim.load(COMMON_JOB), replications=1_000_000, workers=2)
found.to_dict()
unit = 1 if sys.platform == "darwin" else 1024  # what the peak is counted in
print(len(found.samples[0].weight), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="nothing tells the peak there")
def test_a_million_replications_of_one_strategy_stay_under_a_gigabyte() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    runs, peak = map(int, done.stdout.split())
    assert runs == 1_000_000
    assert peak < 1e9
